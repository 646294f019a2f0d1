-- Every product id that a fact names.
select distinct product_id
from (
    select product_id from {{ ref('stg_transactions') }}
    union all
    select product_id from {{ ref('stg_events') }}
) as facts
where product_id is not null
