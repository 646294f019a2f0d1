{{ config(tags=['transactions']) }}

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
from {{ ref('stg_measurements') }} as readings
left join ({{ lookup(ref('dim_store'), 'store') }}) as store
    on {{ looked_up('readings', 'store', 'measured_at') }}
