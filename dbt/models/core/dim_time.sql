{{ config(tags=['transactions']) }}

select
    hours.n * 100 + minutes.n as time_key,
    hours.n as hour,
    minutes.n as minute,
    case
        when hours.n < 6 then 'night'
        when hours.n < 12 then 'morning'
        when hours.n < 18 then 'afternoon'
        else 'evening'
    end as part_of_day
from ({{ numbers(2) }}) as hours
cross join ({{ numbers(2) }}) as minutes
where hours.n < 24 and minutes.n < 60
