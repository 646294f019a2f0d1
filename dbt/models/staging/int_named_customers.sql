-- Every customer id that a fact names.
select distinct customer_id
from (
    select customer_id from {{ ref('stg_transactions') }}
    union all
    select customer_id from {{ ref('stg_events') }}
) as facts
where customer_id is not null
