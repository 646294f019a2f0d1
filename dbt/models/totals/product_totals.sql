{{ config(meta={'by': ['product_id']}) }}

{%- set figures %}
    count(*) as lines,
    count(case when quantity < 0 then 1 end) as return_lines,
    sum(quantity) as quantity,
    coalesce(sum(net_amount_reporting), 0) as net_amount_reporting,
    min(sale_date) as first_sold,
    max(sale_date) as last_sold,
    min(case when quantity > 0 then transaction_timestamp end) as first_sale,
    max(case when quantity > 0 then transaction_timestamp end) as last_sale,
    count(case when quantity > 0 then 1 end) as sold_lines
{%- endset %}

-- What receipts add that nobody knew is added to what is there; a customer counts who has no line of the product but theirs.
/*later*/
with added as (
    select facts.*
    from {{ ref('fact_transactions') }} as facts
    where facts.transaction_id in ({{ touched('product_totals', 'new') }})
        and facts.product_id in (select product_id from {{ ref('touched_product_totals') }} where is_whole = 0)
)
/*end later*/
select
    product_id,
    cast(sum(lines) as bigint) as lines,
    cast(sum(return_lines) as bigint) as return_lines,
    cast(sum(customers) as bigint) as customers,
    sum(quantity) as quantity,
    sum(net_amount_reporting) as net_amount_reporting,
    min(first_sold) as first_sold,
    max(last_sold) as last_sold,
    min(first_sale) as first_sale,
    max(last_sale) as last_sale,
    cast(sum(sold_lines) as bigint) as sold_lines
from (
    select product_id, count(distinct customer_id) as customers, {{ figures }}
    from {{ ref('fact_transactions') }}
    where product_id in (select product_id from {{ ref('touched_product_totals') }} where is_whole = 1)
    group by product_id
    /*later*/
    union all

    select
        product_id, customers, lines, return_lines, quantity, net_amount_reporting, first_sold, last_sold, first_sale,
        last_sale, sold_lines
    from {{ this }}
    where product_id in (select product_id from {{ ref('touched_product_totals') }} where is_whole = 0)

    union all

    select product_id, 0, {{ figures }}
    from added
    group by product_id

    union all

    select
        product_id, count(*), 0, 0, 0, 0, cast(null as date), cast(null as date), cast(null as timestamp),
        cast(null as timestamp), 0
    from (
        select theirs.product_id
        from (
            select product_id, customer_id, count(*) as lines from added group by product_id, customer_id
        ) as theirs
        -- Of a join that is counted DuckDB may count all lines first.
        inner join (
            select facts.product_id, facts.customer_id, count(*) as lines
            from {{ ref('fact_transactions') }} as facts
            where facts.customer_id in (select customer_id from added)
            group by facts.product_id, facts.customer_id
        ) as known
            on known.product_id = theirs.product_id and known.customer_id = theirs.customer_id
            and known.lines = theirs.lines
    ) as newcomers
    group by product_id
    /*end later*/
) as parts
group by product_id
