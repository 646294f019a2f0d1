{{ config(schema='staging', meta={'by': ['series_key', 'reading_date'], 'touches': [
    {'models': ['series_intervals'], 'kind': 'series', 'member': 'series_key'},
    {'models': ['measurement_gaps', 'measurements_daily'], 'kind': 'series_day', 'member': series_day('reading_date')},
]}) }}

with readings as (
    select
        facts.series_key,
        touched.reading_date,
        facts.measured_at,
        facts.value_standard,
        facts.sensor_id,
        facts.store_id,
        facts.metric,
        facts.unit_standard
    from {{ ref('fact_measurements') }} as facts
    inner join {{ ref('touched_reading_days') }} as touched
        on touched.series_key = facts.series_key and touched.reading_date = {{ day_of('facts.measured_at') }}
),

moments as (
    select
        series_key,
        reading_date,
        measured_at,
        max(sensor_id) as sensor_id,
        max(store_id) as store_id,
        max(metric) as metric,
        max(unit_standard) as unit,
        count(*) as readings,
        count(value_standard) as readable,
        count(distinct value_standard) as different_values,
        min(value_standard) as value
    from readings
    group by series_key, reading_date, measured_at
),

stepped as (
    select
        moments.*,
        {{ dbt.datediff('lag(measured_at) over (partition by series_key, reading_date order by measured_at)',
            'measured_at', 'second') }} as step_seconds
    from moments
)

select
    series_key,
    reading_date,
    max(sensor_id) as sensor_id,
    max(store_id) as store_id,
    max(metric) as metric,
    max(unit) as unit,
    sum(readings) as readings,
    count(*) as moments,
    sum(case when readable > different_values then readable - different_values else 0 end) as repeats,
    count(case when different_values > 1 then 1 end) as conflicts,
    sum(readings - readable) as unreadable,
    min(measured_at) as first_at,
    max(measured_at) as last_at,
    percentile_cont(0.5) within group (order by step_seconds) as middle_step_seconds,
    count(case when different_values = 1 then 1 end) as counted,
    min(case when different_values = 1 then value end) as lowest,
    max(case when different_values = 1 then value end) as highest,
    sum(case when different_values = 1 then value end) as total_value
from stepped
group by series_key, reading_date
