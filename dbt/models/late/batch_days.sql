{{ config(schema='staging', tags=['transactions'], meta={'by': ['batch_id']}) }}

-- Lines of each landed file by business day, repeats and lines that others have replaced since included.
select
    batch_id,
    sale_date,
    count(*) as lines,
    count(distinct store_id) as stores,
    max(ingested_at) as ingested_at
from (
    select
        landed._batch_id as batch_id,
        {{ business_day(
            "case when landed._has_zone = false or clocks.time_zone is null then landed.transaction_timestamp"
            ~ " else " ~ local_time('landed.transaction_timestamp', 'clocks.time_zone') ~ " end", 'clocks.day_starts') }} as sale_date,
        landed.store_id,
        landed._ingested_at as ingested_at
    from {{ source('raw', 'transactions') }} as landed
    left join ({{ clocks() }}) as clocks on clocks.store_id = landed.store_id
    where landed._batch_id in (select batch_id from {{ ref('touched_batch_days') }})
        and landed._ingested_at <= {{ until('batch_days') }}
        and landed.transaction_timestamp >= {{ first_of_all() }}
) as dated
group by batch_id, sale_date
