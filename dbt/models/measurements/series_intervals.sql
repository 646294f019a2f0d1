{{ config(schema='staging', meta={'by': ['series_key'], 'touches': [
    {'models': ['measurement_gaps', 'measurements_daily'], 'kind': 'series', 'member': 'series_key',
     'of': ['interval_seconds'], 'also_new': true},
]}) }}

-- What is declared of a sensor counts, else what is of its metric, else what is learnt. A gap makes one step of a day
-- longer, and the median of the day stays what it is; a day that is nearly all gap is one of many days.
select
    days.series_key,
    count(*) as days,
    case
        {{ declared_intervals('max(days.sensor_id)', 'max(days.metric)') }}
        when sum(moments) >= 4 then nullif(cast(
            floor(percentile_cont(0.5) within group (order by middle_step_seconds) + 0.5) as bigint
        ), 0)
    end as interval_seconds
from {{ ref('reading_days') }} as days
inner join {{ ref('touched_series_intervals') }} as touched on touched.series_key = days.series_key
group by days.series_key
