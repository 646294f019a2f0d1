{{ config(tags=['transactions']) }}

-- Lines in a foreign currency of which a rate landed since: that of the line's currency or of the reporting one, of
-- the line's day or one up to 7 days before.
{% set rated_days %}
        select distinct rates.currency, cast({{ dbt.dateadd('day', 'days.n', 'rates.rate_date') }} as date) as sold_on
        from (
            select rates.currency, rates.rate_date from {{ source('raw', 'exchange_rates') }} as rates
            where {{ is_new('fact_transactions', 'rates') }}
            union
            select substring(lost.member, 1, 3), cast(substring(lost.member, 5, 10) as date)
            from ({{ touched('fact_transactions', 'exchange_rates') }}) as lost
        ) as rates
        cross join ({{ numbers(1) }}) as days
        where days.n <= 7
{% endset %}

{{ moved_rows('fact_transactions', ['transaction_id', 'line_number'],
    {'customers': 'customer_id', 'products': 'product_id', 'stores': 'store_id'}) }}
union
select facts.transaction_id, facts.line_number
from {{ ref_later('fact_transactions') }} as facts
inner join ({{ rated_days }}) as rates
    on rates.sold_on = {{ day_of(landed_time('facts')) }} and rates.currency = facts.currency
where facts.currency <> {{ reporting_currency() }}
union
select facts.transaction_id, facts.line_number
from {{ ref_later('fact_transactions') }} as facts
inner join ({{ rated_days }} and rates.currency = {{ reporting_currency() }}) as rates
    on rates.sold_on = {{ day_of(landed_time('facts')) }}
where facts.currency <> {{ reporting_currency() }}
