{{ config(tags=['products']) }}

-- ' > ' parts the levels of a path, so it may not occur in a name.
with products as (
    select
        replace(department, ' > ', ' / ') as department,
        replace(category, ' > ', ' / ') as category,
        replace(subcategory, ' > ', ' / ') as subcategory
    from {{ ref('dim_product') }}
    where is_current and department is not null
),

nodes as (
    select department as node_id, cast(null as varchar(1024)) as parent_id, 1 as level, department as name
    from products

    union all

    select department || ' > ' || category, department, 2, category
    from products
    where category is not null

    union all

    select department || ' > ' || category || ' > ' || subcategory, department || ' > ' || category, 3, subcategory
    from products
    where category is not null and subcategory is not null
)

select node_id, parent_id, level, name, count(*) as products
from nodes
group by node_id, parent_id, level, name
