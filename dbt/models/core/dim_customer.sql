{{ config(tags=['customers']) }}
{%- set attributes = ['first_name', 'last_name', 'email', 'phone', 'street', 'city', 'state', 'postal_code', 'country'] %}
with history as (
  {{ versions(source('raw', 'customers'), 'customer_id', attributes) }}
),
strangers as (
  {{ inferred({'transactions': ['transaction_id', 'line_number'], 'events': ['event_id']}, 'customer_id', 'history') }}
),
members as (
  select *, false as is_inferred from history
  union all
  select customer_id, {% for _ in attributes %}null, {% endfor %}
         cast('1900-01-01' as timestamp), cast('9999-12-31' as timestamp), true, true
  from strangers
),
described as (
  select m.*, {{ version_key('m.customer_id', 'm.valid_from') }} as customer_key,
         coalesce(i.person_id, m.customer_id) as person_id,
         nullif(trim(coalesce(s.first_name, '') || ' ' || coalesce(s.last_name, '')), '') as full_name_standard,
         s.email as email_standard, s.phone as phone_standard,
         nullif(trim(coalesce(s.street, '') || coalesce(', ' || s.city, '') || coalesce(', ' || s.state, '')
           || coalesce(' ' || s.postal_code, '') || coalesce(', ' || s.country, '')), '') as address_standard
  from members as m
  left join {{ source('staging', 'customer_identity') }} as i on i.customer_id = m.customer_id
  left join {{ source('staging', 'customer_standard') }} as s
    on s.customer_id = m.customer_id and s.updated_at = m.valid_from
)
select {{ as_declared('core.dim_customer') }} from described
