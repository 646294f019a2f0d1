select
    {{ day_of('ingested_at') }} as ingested_date,
    dataset,
    count(*) as batches,
    count(case when status = 'rejected' then 1 end) as rejected_batches,
    sum(rows_landed) as rows_landed,
    sum(rows_accepted) as rows_accepted,
    sum(rows_quarantined) as rows_quarantined,
    sum(rows_duplicate) as rows_duplicate,
    case
        when sum(rows_landed) = 0 then 0
        else cast(sum(rows_quarantined) as double precision) / cast(sum(rows_landed) as double precision)
    end as quarantined_share
from {{ source('ops', 'batches') }}
group by {{ day_of('ingested_at') }}, dataset
