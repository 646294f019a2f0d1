{{ config(tags=['transactions']) }}

-- For each foreign currency and day of sale, both quotes of the latest day up to then, at most 7 days back, on which
-- both currencies have one, and the rate between them. No row where there is none; a quote is in units of its last
-- place, and a rate that is more than a rate can hold is missing.
with needed as (
    select distinct lines.currency, {{ day_of('lines.transaction_timestamp') }} as sold_on
    from {{ source('raw', 'transactions') }} as lines
    where lines.currency <> {{ reporting_currency() }}
        and {{ is_new('fact_transactions', 'lines') }}
    /*later*/
    union

    select lines.currency, {{ day_of('lines.transaction_timestamp') }}
    from {{ source('raw', 'transactions') }} as lines
    where lines.currency <> {{ reporting_currency() }}
        and lines.transaction_id in ({{ touched('fact_transactions', 'withdrawn') }})

    union

    select facts.currency, {{ day_of(landed_time('facts')) }}
    from {{ ref_later('fact_transactions') }} as facts
    inner join {{ ref('touched_fact_transactions') }} as moved
        on {{ same_key('moved', 'facts', ['transaction_id', 'line_number']) }}
    where facts.currency <> {{ reporting_currency() }}
    /*end later*/
),

quoted as (
    select
        foreign_rate.currency,
        foreign_rate.rate_date,
        {{ in_units('reporting_rate.units_per_eur', 8) }} as reporting_quote,
        {{ in_units('foreign_rate.units_per_eur', 8) }} as foreign_quote
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
        quoted.reporting_quote,
        quoted.foreign_quote,
        row_number() over (partition by needed.currency, needed.sold_on order by quoted.rate_date desc) as age
    from needed
    inner join quoted
        on quoted.currency = needed.currency
        and quoted.rate_date <= needed.sold_on
        and quoted.rate_date >= {{ dbt.dateadd('day', -7, 'needed.sold_on') }}
),

-- The rate has eight places.
divided as (
    select
        candidates.*,
        {{ product('reporting_quote', '100000000') }} as dividend,
        case
            when cast(reporting_quote as double precision) / cast(foreign_quote as double precision) < 9999999999
                then {{ whole_part(product('reporting_quote', '100000000'), 'foreign_quote') }}
        end as whole
    from candidates
    where age = 1
),

remaining as (
    select divided.*, {{ remainder('dividend', 'foreign_quote', 'whole') }} as rest
    from divided
)

select
    currency,
    sold_on,
    rate_date,
    reporting_quote,
    foreign_quote,
    cast(({{ quotient('whole', 'rest', 'foreign_quote') }}) * 0.00000001 as decimal(18, 8)) as exchange_rate
from remaining
