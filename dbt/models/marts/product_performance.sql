with sales as (
    select * from {{ ref('product_totals') }}
),

-- The newest version, which for a withdrawn product is no current one.
newest as (
    select
        product_id, description, department, category, subcategory, brand, is_inferred,
        row_number() over (partition by product_id order by valid_from desc) as age
    from {{ ref('dim_product') }}
)

select
    sales.product_id,
    newest.description,
    newest.department,
    newest.category,
    newest.subcategory,
    newest.brand,
    sales.lines,
    sales.return_lines,
    sales.customers,
    sales.quantity,
    sales.net_amount_reporting,
    sales.first_sold,
    sales.last_sold,
    -- Where all of the data is as young as that, nothing tells a new product from an old one.
    coalesce(
        sales.first_sale > {{ dbt.dateadd('day', -28, 'max(sales.last_sale) over ()') }}
        and min(sales.first_sale) over () <= {{ dbt.dateadd('day', -28, 'max(sales.last_sale) over ()') }},
        false
    ) as is_new,
    -- Where products were built and sales not yet, one may be in sales alone.
    coalesce(newest.is_inferred, true) as is_unlisted,
    row_number() over (
        partition by newest.department order by sales.net_amount_reporting desc, sales.product_id
    ) as rank_in_department
from sales
left join newest on newest.product_id = sales.product_id and newest.age = 1
