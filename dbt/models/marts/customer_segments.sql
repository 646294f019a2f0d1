-- A purchase is a receipt with something bought; returns lower the amount but are no purchase.
with lines as (
    select
        customer.person_id,
        facts.customer_id,
        facts.transaction_id,
        facts.quantity,
        {{ day_of('facts.transaction_timestamp') }} as sold_on,
        facts.net_amount_reporting
    from {{ ref('fact_transactions') }} as facts
    inner join {{ ref('dim_customer') }} as customer on customer.customer_key = facts.customer_key
),

newest as (
    select {{ day_of('max(transaction_timestamp)') }} as as_of
    from {{ ref('fact_transactions') }}
),

measured as (
    select
        lines.person_id,
        newest.as_of,
        count(distinct case when lines.quantity > 0 then lines.customer_id end) as customer_ids,
        max(case when lines.quantity > 0 then lines.sold_on end) as last_purchase,
        count(distinct case when lines.quantity > 0 then lines.transaction_id end) as frequency,
        coalesce(sum(lines.net_amount_reporting), 0) as monetary_reporting
    from lines
    cross join newest
    group by lines.person_id, newest.as_of
),

scored as (
    select
        *,
        {{ dbt.datediff('last_purchase', 'as_of', 'day') }} as recency_days,
        ntile(5) over (order by last_purchase, person_id) as recency_score,
        ntile(5) over (order by frequency, person_id) as frequency_score,
        ntile(5) over (order by monetary_reporting, person_id) as monetary_score
    from measured
    where last_purchase is not null
)

select
    person_id,
    as_of,
    customer_ids,
    last_purchase,
    recency_days,
    frequency,
    monetary_reporting,
    recency_score,
    frequency_score,
    monetary_score,
    case
        when recency_score >= 4 and frequency_score >= 4 then 'Champions'
        when recency_score >= 3 and frequency_score >= 3 then 'Loyal'
        when recency_score >= 4 and frequency_score = 1 then 'New'
        when recency_score >= 3 then 'Potential'
        when frequency_score >= 3 then 'At risk'
        when recency_score = 2 then 'Hibernating'
        else 'Lost'
    end as segment
from scored
