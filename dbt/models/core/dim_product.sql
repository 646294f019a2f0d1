{{ config(tags=['products']) }}
{%- set attributes = ['description', 'brand', 'manufacturer_id', 'department', 'category', 'subcategory',
                      'package_size', 'list_price', 'currency'] %}
with history as (
  {{ versions(source('raw', 'products'), 'product_id', attributes) }}
),
strangers as (
  {{ inferred({'transactions': ['transaction_id', 'line_number'], 'events': ['event_id']}, 'product_id', 'history') }}
),
members as (
  select *, false as is_inferred from history
  union all
  select product_id, {% for _ in attributes %}null, {% endfor %}
         cast('1900-01-01' as timestamp), cast('9999-12-31' as timestamp), true, true
  from strangers
),
categorised as (
  select {{ version_key('m.product_id', 'm.valid_from') }} as product_key,
         m.product_id, m.description, m.brand, m.manufacturer_id,
         coalesce(m.department, assigned.department) as department,
         coalesce(m.category, assigned.category) as category,
         coalesce(m.subcategory, assigned.subcategory) as subcategory,
         m.package_size, m.list_price, m.currency,
         case when m.category is not null then 'feed' when assigned.category is not null then 'predicted'
              else 'none' end as category_source,
         case when m.category is not null then 1 else assigned.category_confidence end as category_confidence,
         m.is_inferred, m.valid_from, m.valid_to, m.is_current
  from members as m
  left join (
    select * from {{ source('staging', 'product_category') }} where category_source = 'predicted'
  ) as assigned on assigned.product_id = m.product_id and m.category is null
)
select {{ as_declared('core.dim_product') }} from categorised
