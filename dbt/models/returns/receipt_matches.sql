{{ config(schema='staging', meta={'by': ['sale_transaction_id'], 'touches': [
    {'models': ['purchase_matches'], 'kind': 'customers', 'member': 'customer_id'},
    {'models': ['purchase_matches'], 'kind': 'customers', 'member': 'sale_customer_id'},
    {'models': ['return_lines'], 'kind': 'receipts', 'member': 'transaction_id'},
]}) }}

with returned as (
    select
        touched.sale_transaction_id,
        facts.transaction_id,
        facts.line_number,
        facts.transaction_timestamp,
        facts.customer_id,
        facts.product_id,
        facts.unit_price,
        -facts.quantity as quantity
    from {{ ref('fact_transactions') }} as facts
    inner join {{ ref('touched_receipt_matches') }} as touched
        on touched.sale_transaction_id = coalesce(facts.original_transaction_id, facts.transaction_id)
    where facts.quantity < 0
),

sold as (
    select
        facts.transaction_id as sale_transaction_id,
        facts.line_number as sale_line_number,
        facts.transaction_timestamp as sale_timestamp,
        facts.customer_id as sale_customer_id,
        facts.product_id,
        facts.unit_price,
        facts.quantity
    from {{ ref('fact_transactions') }} as facts
    inner join (select distinct sale_transaction_id, product_id from returned) as wanted
        on wanted.sale_transaction_id = facts.transaction_id and wanted.product_id = facts.product_id
    where facts.quantity > 0
),

-- What is taken back on the receipt that sold it was never carried out of the store. Where a receipt takes back more
-- than it sells of a product at a price, it was bought before.
voids as (
    select returned.*
    from returned
    inner join (
        select sale_transaction_id, product_id, unit_price, sum(quantity) as quantity
        from returned where transaction_id = sale_transaction_id
        group by sale_transaction_id, product_id, unit_price
    ) as back
        on back.sale_transaction_id = returned.sale_transaction_id and back.product_id = returned.product_id
        and back.unit_price = returned.unit_price
    inner join (
        select sale_transaction_id, product_id, unit_price, sum(quantity) as quantity
        from sold group by sale_transaction_id, product_id, unit_price
    ) as bought
        on bought.sale_transaction_id = back.sale_transaction_id and bought.product_id = back.product_id
        and bought.unit_price = back.unit_price and bought.quantity >= back.quantity
    where returned.transaction_id = returned.sale_transaction_id
),

voided as (
    {{ taken_in_order('voids', 'sold', ['sale_transaction_id', 'product_id', 'unit_price']) }}
),

left_over as (
    select
        sold.sale_transaction_id,
        sold.sale_line_number,
        sold.sale_timestamp,
        sold.sale_customer_id,
        sold.product_id,
        sold.quantity - coalesce(lost.quantity, 0) as quantity
    from sold
    left join (
        select sale_transaction_id, sale_line_number, sum(quantity) as quantity
        from voided group by sale_transaction_id, sale_line_number
    ) as lost
        on lost.sale_transaction_id = sold.sale_transaction_id and lost.sale_line_number = sold.sale_line_number
    where sold.quantity > coalesce(lost.quantity, 0)
),

named as (
    select * from returned where transaction_id <> sale_transaction_id
),

referred as (
    {{ taken_in_order('named', 'left_over', ['sale_transaction_id', 'product_id']) }}
)

select
    transaction_id, line_number, sale_transaction_id, sale_line_number, sale_timestamp,
    cast(quantity as decimal(18, 4)) as quantity, 'void' as matched_by, customer_id, sale_customer_id
from voided

union all

select
    transaction_id, line_number, sale_transaction_id, sale_line_number, sale_timestamp,
    cast(quantity as decimal(18, 4)), 'reference', customer_id, sale_customer_id
from referred
