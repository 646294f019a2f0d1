{{ config(tags=['marts']) }}

-- Returns of receipts that were told, and those that name one of them.
select facts.transaction_id
from {{ ref('fact_transactions') }} as facts
where facts.quantity < 0 and (
    facts.transaction_id in ({{ touched('return_lines', 'receipts') }})
    or facts.original_transaction_id in ({{ touched('return_lines', 'receipts') }})
    or {{ is_never_built('return_lines') }}
)

union

-- What they were, though nothing of it came back by what is known now.
select told.member from ({{ touched('return_lines', 'receipts') }}) as told
