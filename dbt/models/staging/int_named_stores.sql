-- Every store id that a fact names.
select distinct store_id
from (
    select store_id from {{ ref('stg_transactions') }}
    union all
    select store_id from {{ ref('stg_events') }}
    union all
    select store_id from {{ ref('stg_measurements') }}
) as facts
where store_id is not null
