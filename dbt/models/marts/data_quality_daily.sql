with summed as (
  select cast(ingested_at as date) as ingested_date, dataset, count(*) as batches,
         sum(case when status = 'rejected' then 1 else 0 end) as rejected_batches,
         sum(rows_landed) as rows_landed, sum(rows_accepted) as rows_accepted,
         sum(rows_quarantined) as rows_quarantined, sum(rows_duplicate) as rows_duplicate,
         coalesce(cast(sum(rows_quarantined) as float8) / nullif(sum(rows_landed), 0), 0) as quarantined_share
  from {{ source('ops', 'batches') }}
  group by cast(ingested_at as date), dataset
)
select {{ as_declared('marts.data_quality_daily') }} from summed
