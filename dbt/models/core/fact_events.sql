{{ config(tags=['transactions']) }}
with entries as (
  {{ latest(source('raw', 'events'), ['event_id']) }}
),
customers as ({{ answering(ref('dim_customer'), 'customer_key', 'customer_id') }}),
products as ({{ answering(ref('dim_product'), 'product_key', 'product_id') }}),
stores as ({{ answering(ref('dim_store'), 'store_key', 'store_id') }}),
joined as (
  select e.*, {{ date_key('e.event_timestamp') }} as date_key, {{ time_key('e.event_timestamp') }} as time_key,
         c.customer_key, p.product_key, s.store_key
  from entries as e
  left join customers as c on c.customer_id = e.customer_id
    and e.event_timestamp >= c.answers_from and e.event_timestamp < c.answers_to
  left join products as p on p.product_id = e.product_id
    and e.event_timestamp >= p.answers_from and e.event_timestamp < p.answers_to
  left join stores as s on s.store_id = e.store_id
    and e.event_timestamp >= s.answers_from and e.event_timestamp < s.answers_to
)
select {{ as_declared('core.fact_events') }} from joined
