{{ config(tags=['marts']) }}

select told.member as sale_transaction_id
from ({{ touched('receipt_matches', 'receipts') }}) as told

union

select coalesce(facts.original_transaction_id, facts.transaction_id)
from {{ ref('fact_transactions') }} as facts
where facts.quantity < 0 and {{ is_never_built('receipt_matches') }}
