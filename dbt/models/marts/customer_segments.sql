with buyers as (
  select d.person_id, f.customer_id, f.transaction_id, cast(f.transaction_timestamp as date) as day,
         f.net_amount_reporting
  from {{ ref('fact_transactions') }} as f
  inner join {{ ref('dim_customer') }} as d on d.customer_key = f.customer_key
),
newest as (
  select max(cast(transaction_timestamp as date)) as as_of from {{ ref('fact_transactions') }}
),
measured as (
  select person_id, max(as_of) as as_of, count(distinct customer_id) as customer_ids, max(day) as last_purchase,
         {{ dbt.datediff('max(day)', 'max(as_of)', 'day') }} as recency_days,
         count(distinct transaction_id) as frequency, coalesce(sum(net_amount_reporting), 0) as monetary_reporting
  from buyers cross join newest
  group by person_id
),
scored as (
  select *,
         ntile(5) over (order by recency_days desc, person_id) as recency_score,
         ntile(5) over (order by frequency, person_id) as frequency_score,
         ntile(5) over (order by monetary_reporting, person_id) as monetary_score
  from measured
),
named as (
  select *,
         case when recency_score >= 4 and frequency_score >= 4 then 'Champions'
              when recency_score >= 3 and frequency_score >= 3 then 'Loyal'
              when recency_score >= 4 and frequency_score = 1 then 'New'
              when recency_score >= 3 then 'Potential'
              when frequency_score >= 4 then 'At risk'
              when recency_score = 2 or frequency_score >= 2 then 'Hibernating'
              else 'Lost' end as segment
  from scored
)
select {{ as_declared('marts.customer_segments') }} from named
