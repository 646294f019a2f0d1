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

-- Distinct as they are, so that an engine that replaces names by what they stand for works each out once, not once a use.
begun as (
    select distinct
        year_start,
        {{ fiscal_start('year_start', -1) }} as fiscal_before,
        {{ fiscal_start('year_start', 0) }} as fiscal_begin,
        {{ fiscal_start('year_start', 1) }} as fiscal_after
    from years
),

days as (
    select distinct
        fiscal_before,
        fiscal_begin,
        fiscal_after,
        cast({{ dbt.dateadd('day', 'numbers.n', 'year_start') }} as date) as calendar_date
    from begun
    cross join ({{ numbers(3) }}) as numbers
    where numbers.n <= 365
        and cast({{ dbt.dateadd('day', 'numbers.n', 'year_start') }} as date)
            < cast({{ dbt.dateadd('year', 1, 'year_start') }} as date)
),

starts as (
    select
        calendar_date,
        case
            when calendar_date >= fiscal_after then fiscal_after
            when calendar_date >= fiscal_begin then fiscal_begin
            else fiscal_before
        end as fiscal_start,
        extract(year from calendar_date) + case
            when calendar_date >= fiscal_after then 1
            when calendar_date >= fiscal_begin then 0
            else -1
        end as begun_in,
        cast({{ dbt.date_trunc('week', 'calendar_date') }} as date) as week_start,
        cast({{ dbt.date_trunc('month', 'calendar_date') }} as date) as month_start,
        cast({{ dbt.date_trunc('quarter', 'calendar_date') }} as date) as quarter_start,
        -- A week is of the year that its Thursday is in.
        cast({{ dbt.dateadd('day', 3, dbt.date_trunc('week', 'calendar_date')) }} as date) as thursday
    from days
),

fiscal as (
    select
        starts.*,
        cast(begun_in + {{ fiscal_ends_later() }} as integer) as fiscal_year,
        cast(floor({{ dbt.datediff('fiscal_start', 'calendar_date', 'day') }} / 7) as integer) + 1 as fiscal_week,
        {{ fiscal_period('fiscal_start', 'calendar_date') }} as fiscal_period
    from starts
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
    cast(floor((extract(doy from thursday) - 1) / 7) as integer) + 1 as iso_week,
    fiscal_year,
    cast(floor((fiscal_period - 1) / 3) as integer) + 1 as fiscal_quarter,
    fiscal_period,
    fiscal_week
from fiscal
