with newest as (
    select max(sale_date) as as_of
    from {{ ref('fact_transactions') }}
),

scored as (
    select
        totals.*,
        newest.as_of,
        {{ dbt.datediff('last_purchase', 'as_of', 'day') }} as recency_days,
        ntile(5) over (order by last_purchase, person_id) as recency_score,
        ntile(5) over (order by frequency, person_id) as frequency_score,
        ntile(5) over (order by monetary_reporting, person_id) as monetary_score
    from {{ ref('customer_totals') }} as totals
    cross join newest
    where totals.last_purchase is not null
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
