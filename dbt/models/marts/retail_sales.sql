select
    facts.transaction_id,
    facts.line_number,
    facts.transaction_timestamp,
    {{ day_of('facts.transaction_timestamp') }} as transaction_date,
    facts.customer_id,
    customer.person_id,
    segments.segment,
    facts.product_id,
    product.description,
    product.brand,
    product.department,
    product.category,
    product.subcategory,
    facts.store_id,
    store.name as store_name,
    store.country,
    facts.channel,
    facts.quantity,
    facts.unit_price,
    facts.currency,
    facts.gross_amount,
    facts.discount_amount,
    facts.net_amount,
    facts.net_amount_reporting,
    facts.exchange_rate,
    facts.rate_date,
    facts.conversion_status
from {{ ref('fact_transactions') }} as facts
left join {{ ref('dim_customer') }} as customer on customer.customer_key = facts.customer_key
left join {{ ref('dim_product') }} as product on product.product_key = facts.product_key
left join {{ ref('dim_store') }} as store on store.store_key = facts.store_key
left join {{ ref('customer_segments') }} as segments on segments.person_id = customer.person_id
