{{ config(tags=['transactions']) }}
{%- set attributes = ['name', 'street', 'city', 'state', 'postal_code', 'country'] %}
with history as (
  {{ versions(source('raw', 'stores'), 'store_id', attributes, deletable=false) }}
),
strangers as (
  {{ inferred({'transactions': ['transaction_id', 'line_number'], 'events': ['event_id'],
               'measurements': ['measurement_id']}, 'store_id', 'history') }}
),
members as (
  select *, false as is_inferred from history
  union all
  select store_id, {% for _ in attributes %}null, {% endfor %}
         cast('1900-01-01' as timestamp), cast('9999-12-31' as timestamp), true, true
  from strangers
),
keyed as (
  select *, {{ version_key('store_id', 'valid_from') }} as store_key from members
)
select {{ as_declared('core.dim_store') }} from keyed
