{{ config(tags=['transactions'], meta={'by': ['transaction_id', 'line_number'], 'withdrawn': 'transaction_id', 'at': 'transaction_timestamp', 'touches': [
    {'models': ['sales_daily', 'sales_weekly', 'sales_monthly', 'sales_quarterly', 'month_totals'], 'kind': 'day',
     'member': 'sale_date', 'new': 'transaction_id'},
    {'models': ['product_totals'], 'kind': 'products', 'member': 'product_id', 'new': 'transaction_id'},
    {'models': ['customer_totals'], 'kind': 'customers', 'member': 'customer_id'},
    {'models': ['purchase_matches'], 'kind': 'customers', 'member': 'case when quantity < 0 then customer_id end'},
    {'models': ['purchase_matches'], 'kind': 'purchases', 'member': purchase('customer_id', 'product_id'), 'unless_whole': true},
    {'models': ['receipt_matches', 'return_lines'], 'kind': 'receipts', 'member': 'transaction_id'},
    {'models': ['receipt_matches'], 'kind': 'receipts', 'member': 'original_transaction_id'},
]}) }}

with landed as (
    {{ rows_to_build(
        'fact_transactions', 'transactions', ['transaction_id', 'line_number'],
        ['transaction_id', 'line_number', 'transaction_timestamp', 'customer_id', 'product_id', 'store_id',
         'quantity', 'unit_price', 'discount_amount', 'currency', 'channel', 'line_status',
         'original_transaction_id', '_has_zone', '_batch_id'],
        'transaction_timestamp', ref('touched_fact_transactions'),
        {'transaction_timestamp': landed_time('facts'),
         'quantity': 'coalesce(facts.cancelled_quantity, facts.quantity)',
         'line_status': "case when facts.cancelled_quantity is not null then 'cancelled' end"}
    ) }}
),

-- A cancelled line sold nothing. Tills write what came back with a negative quantity, or say so beside a positive one.
told as (
    select
        transaction_id, line_number, transaction_timestamp, customer_id, product_id, store_id, unit_price, currency,
        channel, original_transaction_id, coalesce(_has_zone, true) as _has_zone, _batch_id,
        case line_status when 'cancelled' then quantity end as cancelled_quantity,
        case
            when line_status = 'cancelled' then cast(0 as decimal(18, 4))
            when line_status = 'returned' and quantity > 0 then -quantity
            else quantity
        end as quantity,
        case
            when line_status = 'cancelled' then cast(0 as decimal(18, 4))
            when line_status = 'returned' and quantity > 0 then -coalesce(discount_amount, 0)
            else coalesce(discount_amount, 0)
        end as discount
    from landed
),

-- What the newest version of a store says of its clock counts for all of its sales.
clocks as (
    {{ clocks() }}
),

timed as (
    select
        told.*,
        clocks.day_starts,
        case
            when clocks.time_zone is null then null
            when told._has_zone then {{ local_time('told.transaction_timestamp', 'clocks.time_zone') }}
            else told.transaction_timestamp
        end as local_timestamp,
        case
            when told._has_zone or clocks.time_zone is null then told.transaction_timestamp
            else {{ utc_time('told.transaction_timestamp', 'clocks.time_zone') }}
        end as sold_at
    from told
    left join clocks on clocks.store_id = told.store_id
),

lines as (
    select
        *,
        {{ day_of('transaction_timestamp') }} as sold_on,
        coalesce(local_timestamp, transaction_timestamp) as clock,
        {{ times('quantity', 'unit_price') }} as gross_amount
    from timed
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
            as rate_date,
        coalesce(rates.reporting_quote, cast(1 as decimal(18, 0))) as reporting_quote,
        coalesce(rates.foreign_quote, cast(1 as decimal(18, 0))) as foreign_quote
    from lines
    left join {{ ref('conversion_rates') }} as rates
        on rates.currency = lines.currency and rates.sold_on = lines.sold_on
),

-- What an amount is in the reporting currency may be more than an amount can hold. It is worked out from both
-- quotes and rounded once: the rate has too few digits for a weak currency. Most lines need none of that, and wide
-- decimals are slow.
measured as (
    select
        priced.*,
        {{ business_day('clock', 'day_starts') }} as sale_date,
        currency <> {{ reporting_currency() }} as is_foreign,
        case
            when currency <> {{ reporting_currency() }} then {{ product(in_units('abs(net_amount)', 4), 'reporting_quote') }}
        end as dividend,
        rate_date is not null and exchange_rate is not null and cast(abs(net_amount) as double precision)
            * cast(reporting_quote as double precision) / cast(foreign_quote as double precision) < 99999999999999.5
            as fits
    from priced
),

divided as (
    select
        measured.*,
        case when fits and is_foreign then {{ whole_part('dividend', 'foreign_quote') }} end as whole
    from measured
),

remaining as (
    select
        divided.*,
        case when whole is not null then {{ remainder('dividend', 'foreign_quote', 'whole') }} end as rest
    from divided
)

select
    priced.transaction_id,
    priced.line_number,
    priced.sold_at as transaction_timestamp,
    {{ date_key('priced.sale_date') }} as date_key,
    {{ time_key('priced.clock') }} as time_key,
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
    case
        when not priced.is_foreign then case when priced.fits then priced.net_amount end
        when priced.whole is not null then cast(
            case when priced.net_amount < 0 then -0.0001 else 0.0001 end
            * ({{ quotient('priced.whole', 'priced.rest', 'priced.foreign_quote') }}) as decimal(18, 4)
        )
    end as net_amount_reporting,
    case
        when priced.rate_date is null then 'no_rate'
        when not priced.fits then 'too_large'
        when priced.currency = {{ reporting_currency() }} then 'same_currency'
        else 'converted'
    end as conversion_status,
    priced.cancelled_quantity,
    priced.original_transaction_id,
    priced.sale_date,
    priced.local_timestamp,
    priced._has_zone,
    priced._batch_id
from remaining as priced
left join ({{ lookup(ref('dim_customer'), 'customer') }}) as customer
    on {{ looked_up('priced', 'customer', 'sold_at') }}
left join ({{ lookup(ref('dim_product'), 'product') }}) as product
    on {{ looked_up('priced', 'product', 'sold_at') }}
left join ({{ lookup(ref('dim_store'), 'store') }}) as store
    on {{ looked_up('priced', 'store', 'sold_at') }}
