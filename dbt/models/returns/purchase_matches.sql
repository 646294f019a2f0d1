{{ config(schema='staging', meta={'by': ['customer_id'], 'touches': [
    {'models': ['return_lines'], 'kind': 'receipts', 'member': 'transaction_id'},
]}) }}

with returned as (
    select
        facts.customer_id,
        facts.product_id,
        facts.currency,
        facts.unit_price,
        {{ paid_cents('facts.net_amount', 'facts.quantity') }} as paid_price,
        facts.transaction_timestamp as happened_at,
        facts.transaction_id,
        facts.line_number,
        facts.quantity
    from {{ ref('fact_transactions') }} as facts
    inner join {{ ref('touched_purchase_matches') }} as touched on touched.customer_id = facts.customer_id
    left join (
        select distinct transaction_id, line_number from {{ ref('receipt_matches') }} where matched_by = 'void'
    ) as voids on {{ same_key('voids', 'facts', ['transaction_id', 'line_number']) }}
    where facts.quantity < 0
        and voids.transaction_id is null
        and coalesce(facts.original_transaction_id, facts.transaction_id) = facts.transaction_id
),

sold as (
    select
        facts.customer_id,
        facts.product_id,
        facts.currency,
        facts.unit_price,
        {{ paid_cents('facts.net_amount', 'facts.quantity') }} as paid_price,
        facts.transaction_timestamp as happened_at,
        facts.transaction_id,
        facts.line_number,
        facts.quantity - coalesce(lost.quantity, 0) as quantity
    from {{ ref('fact_transactions') }} as facts
    inner join (select distinct customer_id, product_id, currency from returned) as wanted
        on wanted.customer_id = facts.customer_id and wanted.product_id = facts.product_id
        and wanted.currency = facts.currency
    left join (
        select sale_transaction_id, sale_line_number, sum(quantity) as quantity
        from {{ ref('receipt_matches') }} group by sale_transaction_id, sale_line_number
    ) as lost
        on lost.sale_transaction_id = facts.transaction_id and lost.sale_line_number = facts.line_number
    where facts.quantity > coalesce(lost.quantity, 0)
),

moves as (
    select * from returned
    union all
    select * from sold
),

{{ taken_from_the_last('same', 'moves', 'unit_price') }},

-- What is left after that is matched by what was paid for a unit: tills give back the price less its discount.
moves_left as (
    select
        moves.customer_id, moves.product_id, moves.currency, moves.paid_price, moves.happened_at,
        moves.transaction_id, moves.line_number,
        moves.quantity - coalesce(done.quantity, 0) as quantity
    from moves
    left join (
        select transaction_id, line_number, -sum(quantity) as quantity from same group by transaction_id, line_number
        union all
        select sale_transaction_id, sale_line_number, sum(quantity) from same
        group by sale_transaction_id, sale_line_number
    ) as done on {{ same_key('done', 'moves', ['transaction_id', 'line_number']) }}
    where moves.quantity <> coalesce(done.quantity, 0)
),

{{ taken_from_the_last('paid', 'moves_left', 'paid_price') }},

matches as (
    select *, 1 as attempt from same
    union all
    select *, 2 from paid
)

select
    transaction_id,
    line_number,
    sale_transaction_id,
    sale_line_number,
    max(sale_timestamp) as sale_timestamp,
    cast(sum(quantity) as decimal(18, 4)) as quantity,
    case min(attempt) when 1 then 'price' else 'paid_price' end as matched_by,
    customer_id
from matches
group by transaction_id, line_number, sale_transaction_id, sale_line_number, customer_id
