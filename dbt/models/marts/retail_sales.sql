with joined as (
  select f.transaction_id, f.line_number, f.transaction_timestamp,
         cast(f.transaction_timestamp as date) as transaction_date,
         f.customer_id, c.person_id, g.segment,
         f.product_id, p.description, p.brand, p.department, p.category, p.subcategory,
         f.store_id, s.name as store_name, s.country, f.channel, f.quantity, f.unit_price, f.currency,
         f.gross_amount, f.discount_amount, f.net_amount, f.net_amount_reporting, f.exchange_rate, f.rate_date,
         f.conversion_status
  from {{ ref('fact_transactions') }} as f
  inner join {{ ref('dim_product') }} as p on p.product_key = f.product_key
  inner join {{ ref('dim_store') }} as s on s.store_key = f.store_key
  left join {{ ref('dim_customer') }} as c on c.customer_key = f.customer_key
  left join {{ ref('customer_segments') }} as g on g.person_id = c.person_id
)
select {{ as_declared('marts.retail_sales') }} from joined
