{{ config(tags=['marts']) }}

select touched.member as product_id
from ({{ touched('product_totals', 'products') }}) as touched

union

select facts.product_id
from {{ ref('fact_transactions') }} as facts
where {{ is_never_built('product_totals') }}
