{{ config(tags=['products']) }}
with current_products as (
  select department, category, subcategory from {{ ref('dim_product') }}
  where is_current and department is not null
),
nodes as (
  select department as node_id, null as parent_id, 1 as level, department as name, count(*) as products
  from current_products group by department
  union all
  select department || ' > ' || category, department, 2, category, count(*)
  from current_products where category is not null group by department, category
  union all
  select department || ' > ' || category || ' > ' || subcategory, department || ' > ' || category, 3,
         subcategory, count(*)
  from current_products where category is not null and subcategory is not null
  group by department, category, subcategory
)
select {{ as_declared('core.product_hierarchy') }} from nodes
