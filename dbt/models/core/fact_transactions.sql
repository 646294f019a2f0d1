{{ config(tags=['transactions']) }}

with lines as (
    select
        *,
        {{ day_of('transaction_timestamp') }} as sold_on,
        {{ times('quantity', 'unit_price') }} as gross_amount,
        coalesce(discount_amount, 0) as discount
    from {{ ref('stg_transactions') }}
),

priced as (
    select
        lines.*,
        cast(lines.gross_amount - lines.discount as decimal(18, 4)) as net_amount,
        case
            when lines.currency = {{ reporting_currency() }} then cast(1 as decimal(18, 8))
            else rates.exchange_rate
        end as exchange_rate,
        case when lines.currency = {{ reporting_currency() }} then lines.sold_on else rates.rate_date end
            as rate_date
    from lines
    left join {{ ref('int_conversion_rates') }} as rates
        on rates.currency = lines.currency and rates.sold_on = lines.sold_on
),

-- What an amount is in the reporting currency may be more than an amount can hold.
measured as (
    select
        priced.*,
        abs(cast(net_amount as double precision) * exchange_rate) < 99999999999999 as fits
    from priced
)

select
    priced.transaction_id,
    priced.line_number,
    priced.transaction_timestamp,
    {{ date_key('priced.transaction_timestamp') }} as date_key,
    {{ time_key('priced.transaction_timestamp') }} as time_key,
    customer.customer_key,
    product.product_key,
    store.store_key,
    priced.customer_id,
    priced.product_id,
    priced.store_id,
    priced.quantity,
    priced.unit_price,
    priced.gross_amount,
    priced.discount as discount_amount,
    priced.net_amount,
    priced.currency,
    priced.channel,
    {{ reporting_currency() }} as reporting_currency,
    priced.exchange_rate,
    priced.rate_date,
    case when priced.fits then {{ times('priced.net_amount', 'priced.exchange_rate') }} end
        as net_amount_reporting,
    case
        when not priced.fits then 'too_large'
        when priced.currency = {{ reporting_currency() }} then 'same_currency'
        when priced.exchange_rate is not null then 'converted'
        else 'no_rate'
    end as conversion_status,
    priced._batch_id
from measured as priced
left join ({{ lookup(ref('dim_customer'), 'customer') }}) as customer
    on {{ looked_up('priced', 'customer', 'transaction_timestamp') }}
left join ({{ lookup(ref('dim_product'), 'product') }}) as product
    on {{ looked_up('priced', 'product', 'transaction_timestamp') }}
left join ({{ lookup(ref('dim_store'), 'store') }}) as store
    on {{ looked_up('priced', 'store', 'transaction_timestamp') }}
