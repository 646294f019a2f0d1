{{ config(tags=['marts']) }}

select told.member as customer_id
from ({{ touched('purchase_matches', 'customers') }}) as told

union

select facts.customer_id
from {{ ref('fact_transactions') }} as facts
where facts.quantity < 0 and facts.customer_id is not null and {{ is_never_built('purchase_matches') }}
