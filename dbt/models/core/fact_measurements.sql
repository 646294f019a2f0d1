{{ config(tags=['transactions'], meta={'by': ['measurement_id'], 'withdrawn': 'measurement_id', 'at': 'measured_at'}) }}

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
    readings._batch_id
from (
    {{ rows_to_build(
        'fact_measurements', 'measurements', ['measurement_id'],
        ['measurement_id', 'measured_at', 'store_id', 'metric', 'value', 'unit', '_batch_id'],
        'measured_at', ref('touched_fact_measurements')
    ) }}
) as readings
left join ({{ lookup(ref('dim_store'), 'store') }}) as store
    on {{ looked_up('readings', 'store', 'measured_at') }}
