with moves as (
    select batch_id, row_number as position, move,
        row_number() over (partition by batch_id, row_number order by moved_at desc) as age
    from {{ source('ops', 'quarantine_moves') }}
),

open_rows as (
    select refused.batch_id, count(*) as rows_open
    from {{ source('ops', 'quarantine') }} as refused
    left join moves on moves.batch_id = refused.batch_id and moves.position = refused.row_number and moves.age = 1
    where moves.move is null or moves.move = 'reopened'
    group by refused.batch_id
)

select
    {{ day_of('batches.ingested_at') }} as ingested_date,
    batches.dataset,
    count(*) as batches,
    count(case when batches.status = 'rejected' then 1 end) as rejected_batches,
    sum(batches.rows_landed) as rows_landed,
    sum(batches.rows_accepted) as rows_accepted,
    sum(batches.rows_quarantined) as rows_quarantined,
    sum(batches.rows_duplicate) as rows_duplicate,
    case
        when sum(batches.rows_landed) = 0 then 0
        else cast(sum(batches.rows_quarantined) as double precision) / cast(sum(batches.rows_landed) as double precision)
    end as quarantined_share,
    sum(coalesce(open_rows.rows_open, 0)) as rows_open
from {{ source('ops', 'batches') }} as batches
left join open_rows on open_rows.batch_id = batches.batch_id
group by {{ day_of('batches.ingested_at') }}, batches.dataset
