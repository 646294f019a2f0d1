{{ config(meta={'by': ['person_id']}) }}

-- A purchase is a receipt with something bought; returns lower the amount but are no purchase.
select
    customer.person_id,
    count(distinct case when facts.quantity > 0 then facts.customer_id end) as customer_ids,
    max(case when facts.quantity > 0 then facts.sale_date end) as last_purchase,
    count(distinct case when facts.quantity > 0 then facts.transaction_id end) as frequency,
    coalesce(sum(facts.net_amount_reporting), 0) as monetary_reporting
from {{ ref('fact_transactions') }} as facts
inner join (
    select versions.customer_key, versions.person_id
    from {{ ref('dim_customer') }} as versions
    inner join {{ ref('touched_customer_totals') }} as touched on touched.person_id = versions.person_id
) as customer on customer.customer_key = facts.customer_key
group by customer.person_id
