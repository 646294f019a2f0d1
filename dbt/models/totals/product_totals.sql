{{ config(meta={'by': ['product_id']}) }}

select
    facts.product_id,
    count(*) as lines,
    count(case when facts.quantity < 0 then 1 end) as return_lines,
    count(distinct facts.customer_id) as customers,
    sum(facts.quantity) as quantity,
    coalesce(sum(facts.net_amount_reporting), 0) as net_amount_reporting,
    min(facts.sale_date) as first_sold,
    max(facts.sale_date) as last_sold,
    min(case when facts.quantity > 0 then facts.transaction_timestamp end) as first_sale,
    max(case when facts.quantity > 0 then facts.transaction_timestamp end) as last_sale
from {{ ref('fact_transactions') }} as facts
inner join {{ ref('touched_product_totals') }} as touched on touched.product_id = facts.product_id
group by facts.product_id
