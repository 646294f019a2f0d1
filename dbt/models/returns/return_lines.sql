{{ config(schema='core', meta={'by': ['transaction_id']}) }}

with matches as (
    select transaction_id, line_number, sale_transaction_id, sale_line_number, sale_timestamp, quantity, matched_by
    from {{ ref('receipt_matches') }}
    union all
    select transaction_id, line_number, sale_transaction_id, sale_line_number, sale_timestamp, quantity, matched_by
    from {{ ref('purchase_matches') }}
),

ranked as (
    select
        matches.*,
        row_number() over (
            partition by matches.transaction_id, matches.line_number
            order by matches.quantity desc, matches.sale_timestamp desc, matches.sale_transaction_id, matches.sale_line_number
        ) as place
    from matches
    inner join (select distinct transaction_id from {{ ref('touched_return_lines') }}) as touched
        on touched.transaction_id = matches.transaction_id
),

matched as (
    select
        transaction_id,
        line_number,
        sum(quantity) as quantity,
        count(*) as sale_lines,
        max(case when place = 1 then matched_by end) as matched_by,
        max(case when place = 1 then sale_transaction_id end) as sale_transaction_id,
        max(case when place = 1 then sale_line_number end) as sale_line_number,
        max(case when place = 1 then sale_timestamp end) as sale_timestamp
    from ranked
    group by transaction_id, line_number
),

returned as (
    select facts.*, facts.sale_date as return_date
    from {{ ref('fact_transactions') }} as facts
    inner join {{ ref('touched_return_lines') }} as touched on touched.transaction_id = facts.transaction_id
    where facts.quantity < 0
),

receipts as (
    select distinct facts.transaction_id
    from {{ ref('fact_transactions') }} as facts
    inner join (select distinct original_transaction_id from returned) as named
        on named.original_transaction_id = facts.transaction_id
)

select
    returned.transaction_id,
    returned.line_number,
    returned.transaction_timestamp,
    case when matched.matched_by = 'void' then 'void' else 'return' end as kind,
    returned.customer_id,
    returned.product_key,
    returned.product_id,
    returned.store_id,
    returned.original_transaction_id,
    -returned.quantity as quantity,
    -returned.net_amount_reporting as net_amount_reporting,
    cast(coalesce(matched.quantity, 0) as decimal(18, 4)) as matched_quantity,
    matched.matched_by,
    case
        when coalesce(matched.quantity, 0) = -returned.quantity then null
        when coalesce(returned.original_transaction_id, returned.transaction_id) <> returned.transaction_id
            then case when receipts.transaction_id is null then 'sale_not_here' else 'not_left_on_receipt' end
        when returned.customer_id is null then 'no_customer'
        else 'no_purchase'
    end as unmatched,
    coalesce(matched.sale_lines, 0) as sale_lines,
    matched.sale_transaction_id,
    matched.sale_line_number,
    matched.sale_timestamp,
    returned.return_date,
    {{ dbt.datediff('matched.sale_timestamp', 'returned.return_date', 'day') }} as days_since_sale
from returned
left join matched on {{ same_key('matched', 'returned', ['transaction_id', 'line_number']) }}
left join receipts on receipts.transaction_id = returned.original_transaction_id
