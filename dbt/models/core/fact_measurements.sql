{{ config(tags=['transactions']) }}
with entries as (
  {{ latest(source('raw', 'measurements'), ['measurement_id']) }}
),
stores as ({{ answering(ref('dim_store'), 'store_key', 'store_id') }}),
joined as (
  select e.*, {{ date_key('e.measured_at') }} as date_key, {{ time_key('e.measured_at') }} as time_key, s.store_key
  from entries as e
  left join stores as s on s.store_id = e.store_id
    and e.measured_at >= s.answers_from and e.measured_at < s.answers_to
)
select {{ as_declared('core.fact_measurements') }} from joined
