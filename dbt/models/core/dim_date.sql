{{ config(tags=['transactions']) }}

-- Every day of the years in which anything happened.
with bounds as (
    select min(first_day) as first_day, max(last_day) as last_day
    from (
        select cast(min(sale_date) as timestamp) as first_day, cast(max(sale_date) as timestamp) as last_day
        from {{ ref('fact_transactions') }}
        union all
        select min(event_timestamp), max(event_timestamp) from {{ ref('fact_events') }}
        union all
        select min(measured_at), max(measured_at) from {{ ref('fact_measurements') }}
    ) as facts
),

years as (
    select n, cast({{ dbt.dateadd('year', 'n', dbt.date_trunc('year', 'first_day')) }} as date) as year_start
    from bounds
    cross join ({{ numbers(4) }}) as numbers
    where n <= extract(year from last_day) - extract(year from first_day)
),

days as (
    select cast({{ dbt.dateadd('day', 'numbers.n', 'year_start') }} as date) as calendar_date
    from years
    cross join ({{ numbers(3) }}) as numbers
    where numbers.n <= 365
        and cast({{ dbt.dateadd('day', 'numbers.n', 'year_start') }} as date)
            < cast({{ dbt.dateadd('year', 1, 'year_start') }} as date)
),

starts as (
    select
        calendar_date,
        cast({{ dbt.date_trunc('week', 'calendar_date') }} as date) as week_start,
        cast({{ dbt.date_trunc('month', 'calendar_date') }} as date) as month_start,
        cast({{ dbt.date_trunc('quarter', 'calendar_date') }} as date) as quarter_start,
        -- A week is of the year that its Thursday is in.
        cast({{ dbt.dateadd('day', 3, dbt.date_trunc('week', 'calendar_date')) }} as date) as thursday
    from days
)

select
    {{ date_key('calendar_date') }} as date_key,
    calendar_date,
    extract(year from calendar_date) as year,
    extract(quarter from calendar_date) as quarter,
    extract(month from calendar_date) as month,
    extract(day from calendar_date) as day_of_month,
    {{ dbt.datediff('week_start', 'calendar_date', 'day') }} + 1 as day_of_week,
    extract(doy from calendar_date) as day_of_year,
    week_start,
    month_start,
    {{ dbt.datediff('week_start', 'calendar_date', 'day') }} >= 5 as is_weekend,
    quarter_start,
    extract(year from thursday) as iso_year,
    cast(floor((extract(doy from thursday) - 1) / 7) as integer) + 1 as iso_week
from starts
