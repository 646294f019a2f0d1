{{ config(schema='marts', meta={'by': ['series_key', 'gap_date'], 'touches': [
    {'models': ['measurements_daily'], 'kind': 'series_day', 'member': series_day('gap_date')},
]}) }}

-- After the last reading of a day comes the first of the next day that has any.
with following as (
    select
        days.*,
        lead(first_at) over (partition by days.series_key order by days.reading_date) as next_first_at
    from {{ ref('reading_days') }} as days
    where days.series_key in (select series_key from {{ ref('touched_measurement_gaps') }})
),

moments as (
    select distinct facts.series_key, touched.gap_date, facts.measured_at
    from {{ ref('fact_measurements') }} as facts
    inner join {{ ref('touched_measurement_gaps') }} as touched
        on touched.series_key = facts.series_key and touched.gap_date = {{ day_of('facts.measured_at') }}
),

steps as (
    select
        moments.*,
        lead(measured_at) over (partition by series_key, gap_date order by measured_at) as next_in_day
    from moments
),

gaps as (
    select
        steps.series_key,
        steps.gap_date,
        following.sensor_id,
        following.store_id,
        following.metric,
        steps.measured_at as gap_from,
        coalesce(steps.next_in_day, following.next_first_at) as gap_to,
        {{ dbt.datediff('steps.measured_at', 'coalesce(steps.next_in_day, following.next_first_at)', 'second') }} as seconds,
        learnt.interval_seconds,
        learnt.is_interval_declared
    from steps
    inner join following on following.series_key = steps.series_key and following.reading_date = steps.gap_date
    inner join {{ ref('series_intervals') }} as learnt
        on learnt.series_key = steps.series_key and learnt.interval_seconds is not null
)

select
    series_key,
    gap_date,
    sensor_id,
    store_id,
    metric,
    gap_from,
    gap_to,
    seconds,
    interval_seconds,
    cast(floor(cast(seconds as double precision) / interval_seconds + 0.5) as bigint) - 1 as missing,
    is_interval_declared
from gaps
where 2 * seconds > 3 * interval_seconds
