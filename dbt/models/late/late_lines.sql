{{ config(schema='marts', tags=['transactions']) }}

-- A day is closed once a file before has brought lines of two days on: files of one night come one after the other.
select
    days.batch_id,
    days.sale_date,
    days.lines,
    days.stores,
    days.ingested_at,
    {{ dbt.datediff('days.sale_date', 'closed.newest_before', 'day') }} as days_behind
from {{ ref('batch_days') }} as days
inner join (
    select
        batch_id,
        max(newest) over (order by ingested_at, batch_id rows between unbounded preceding and 1 preceding) as newest_before
    from (
        select batch_id, max(ingested_at) as ingested_at, max(sale_date) as newest
        from {{ ref('batch_days') }} group by batch_id
    ) as batches
) as closed on closed.batch_id = days.batch_id
where {{ dbt.datediff('days.sale_date', 'closed.newest_before', 'day') }} >= 2
