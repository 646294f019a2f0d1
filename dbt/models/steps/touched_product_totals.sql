{{ config(tags=['marts']) }}

-- `is_whole` is 0 where receipts came that nobody knew, and nothing else: theirs are added.
select product_id, max(is_whole) as is_whole
from (
    select touched.member as product_id, 1 as is_whole
    from ({{ touched('product_totals', 'products') }}) as touched

    union all

    select facts.product_id, 1
    from {{ ref('fact_transactions') }} as facts
    where {{ is_never_built('product_totals') }}
    /*later*/
    union all

    select facts.product_id, 0
    from {{ ref('fact_transactions') }} as facts
    where facts.transaction_id in ({{ touched('product_totals', 'new') }})
    /*end later*/
) as products
group by product_id
