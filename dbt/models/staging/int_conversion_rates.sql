-- For each foreign currency and day of sale, the rate to the reporting currency: that of the latest day up to then,
-- at most 7 days back, on which both currencies have one. No row where there is none.
with needed as (
    select distinct currency, {{ day_of('transaction_timestamp') }} as sold_on
    from {{ source('raw', 'transactions') }}
    where currency <> {{ reporting_currency() }}
),

quoted as (
    select
        foreign_rate.currency,
        foreign_rate.rate_date,
        cast(
            cast(reporting_rate.units_per_eur as double precision)
            / cast(foreign_rate.units_per_eur as double precision)
            as decimal(18, 8)
        ) as exchange_rate
    from {{ ref('stg_exchange_rates') }} as foreign_rate
    inner join {{ ref('stg_exchange_rates') }} as reporting_rate
        on reporting_rate.rate_date = foreign_rate.rate_date
        and reporting_rate.currency = {{ reporting_currency() }}
),

candidates as (
    select
        needed.currency,
        needed.sold_on,
        quoted.rate_date,
        quoted.exchange_rate,
        row_number() over (partition by needed.currency, needed.sold_on order by quoted.rate_date desc) as age
    from needed
    inner join quoted
        on quoted.currency = needed.currency
        and quoted.rate_date <= needed.sold_on
        and quoted.rate_date >= {{ dbt.dateadd('day', -7, 'needed.sold_on') }}
)

select currency, sold_on, rate_date, exchange_rate
from candidates
where age = 1
