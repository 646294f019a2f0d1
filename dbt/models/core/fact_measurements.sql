{{ config(tags=['transactions'], meta={'by': ['measurement_id'], 'withdrawn': 'measurement_id', 'at': 'measured_at', 'touches': [
    {'models': ['reading_days', 'measurement_gaps', 'measurements_daily'], 'kind': 'series_day',
     'member': series_day('measured_at')},
]}) }}

with readings as (
    {{ rows_to_build(
        'fact_measurements', 'measurements', ['measurement_id'],
        ['measurement_id', 'measured_at', 'store_id', 'metric', 'value', 'unit', 'sensor_id', '_batch_id'],
        'measured_at', ref('touched_fact_measurements')
    ) }}
),

-- A reading without a unit is in that of its metric. What can't be told in it has no value there, nor has what is too
-- large for it.
expected as (
    select readings.*, metrics.unit as metric_unit, coalesce(metrics.wanted, '') as wanted
    from readings
    left join ({{ metric_units() }}) as metrics on metrics.metric = lower(trim(readings.metric))
),

told as (
    select
        expected.*,
        conversions.target,
        conversions.subtract,
        conversions.factor,
        conversions.add_on,
        cast(expected.value as double precision) * cast(conversions.factor as double precision) between -99999999999 and 99999999999
            as fits
    from expected
    left join ({{ unit_conversions() }}) as conversions
        on conversions.spelling = lower(trim(expected.unit)) and conversions.wanted = expected.wanted
),

converted as (
    select
        told.*,
        case
            when unit is null then value
            when metric_unit is not null and metric_unit <> target then null
            when fits and factor = 1 then cast(cast(value as decimal(19, 6)) - subtract + add_on as decimal(18, 6))
            when fits then cast(round(cast(value - subtract as decimal(19, 6)) * factor + add_on, 6) as decimal(18, 6))
        end as value_standard,
        case
            when unit is null then metric_unit
            when metric_unit is not null and metric_unit <> target then null
            else target
        end as unit_standard
    from told
)

select
    readings.measurement_id,
    readings.measured_at,
    {{ date_key('readings.measured_at') }} as date_key,
    {{ time_key('readings.measured_at') }} as time_key,
    store.store_key,
    readings.store_id,
    readings.metric,
    readings.value,
    readings.unit,
    readings.sensor_id,
    readings.value_standard,
    readings.unit_standard,
    {{ series_key(['readings.sensor_id', 'readings.store_id', 'readings.metric', 'readings.unit_standard']) }} as series_key,
    readings._batch_id
from converted as readings
left join ({{ lookup(ref('dim_store'), 'store') }}) as store
    on {{ looked_up('readings', 'store', 'measured_at') }}
