{{ config(tags=['marts']) }}

select told.member as customer_id
from ({{ touched('purchase_matches', 'customers') }}) as told

union

-- What somebody bought matters to those who brought it back, then or later.
select returned.customer_id
from {{ ref_later('return_lines') }} as returned
where {{ purchase('returned.customer_id', 'returned.product_id') }} in ({{ touched('purchase_matches', 'purchases') }})

union

select facts.customer_id
from {{ ref('fact_transactions') }} as facts
where facts.quantity < 0 and facts.customer_id is not null
    and ({{ is_never_built('purchase_matches') }} or not exists (select 1 from {{ ref_later('return_lines') }}))
