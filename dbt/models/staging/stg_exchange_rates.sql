-- One rate a day and currency; the euro is 1 on every day that has any.
with landed as (
    {{ landed_last(source('raw', 'exchange_rates'), ['rate_date', 'currency'],
        ['rate_date', 'currency', 'units_per_eur']) }}
)

select rate_date, currency, units_per_eur
from landed
where currency <> 'EUR'

union all

select distinct rate_date, 'EUR' as currency, cast(1 as decimal(18, 8)) as units_per_eur
from landed
