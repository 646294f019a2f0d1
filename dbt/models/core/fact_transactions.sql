{{ config(tags=['transactions']) }}
with lines as (
  {{ latest(source('raw', 'transactions'), ['transaction_id', 'line_number']) }}
),
customers as ({{ answering(ref('dim_customer'), 'customer_key', 'customer_id') }}),
products as ({{ answering(ref('dim_product'), 'product_key', 'product_id') }}),
stores as ({{ answering(ref('dim_store'), 'store_key', 'store_id') }}),
priced as (
  select *, cast(transaction_timestamp as date) as transaction_date,
         cast(round(quantity * unit_price, 4) as decimal(18, 4)) as gross_amount,
         coalesce(discount_amount, 0) as discount
  from lines
),
joined as (
  select l.transaction_id, l.line_number, l.transaction_timestamp,
         {{ date_key('l.transaction_timestamp') }} as date_key, {{ time_key('l.transaction_timestamp') }} as time_key,
         c.customer_key, p.product_key, s.store_key, l.customer_id, l.product_id, l.store_id,
         l.quantity, l.unit_price, l.gross_amount, l.discount as discount_amount,
         cast(l.gross_amount - l.discount as decimal(18, 4)) as net_amount, l.currency, l.channel,
         '{{ var("reporting_currency") }}' as reporting_currency,
         case when l.currency = '{{ var("reporting_currency") }}' then 1 else r.exchange_rate end as exchange_rate,
         case when l.currency = '{{ var("reporting_currency") }}' then l.transaction_date else r.rate_date end as rate_date,
         case when l.currency = '{{ var("reporting_currency") }}' then 'same_currency'
              when r.exchange_rate is not null then 'converted' else 'no_rate' end as conversion_status,
         l._batch_id
  from priced as l
  left join customers as c on c.customer_id = l.customer_id
    and l.transaction_timestamp >= c.answers_from and l.transaction_timestamp < c.answers_to
  left join products as p on p.product_id = l.product_id
    and l.transaction_timestamp >= p.answers_from and l.transaction_timestamp < p.answers_to
  left join stores as s on s.store_id = l.store_id
    and l.transaction_timestamp >= s.answers_from and l.transaction_timestamp < s.answers_to
  left join {{ ref('int_conversion') }} as r on r.currency = l.currency
    and l.transaction_date >= r.answers_from and l.transaction_date < r.answers_to
),
converted as (
  select *, round(net_amount * cast(exchange_rate as decimal(18, 8)), 4) as net_amount_reporting from joined
)
select {{ as_declared('core.fact_transactions') }} from converted
