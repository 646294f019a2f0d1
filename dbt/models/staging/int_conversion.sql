{{ config(tags=['transactions']) }}
-- One row a currency and day with a rate to the reporting currency; it answers until the next, at most 7 days on.
with landed as (
  {{ latest(source('raw', 'exchange_rates'), ['rate_date', 'currency']) }}
),
rates as (
  select rate_date, currency, units_per_eur from landed where currency <> 'EUR'
  union all
  select distinct rate_date, 'EUR', 1 from landed
),
pairs as (
  select f.rate_date, f.currency,
         cast(cast(t.units_per_eur as float8) / cast(f.units_per_eur as float8) as decimal(18, 8)) as exchange_rate
  from rates as f
  inner join rates as t on t.rate_date = f.rate_date and t.currency = '{{ var("reporting_currency") }}'
  where f.currency <> '{{ var("reporting_currency") }}'
)
select currency, rate_date, exchange_rate, rate_date as answers_from,
       cast(least(
         coalesce(lead(rate_date) over (partition by currency order by rate_date), cast('9999-12-31' as date)),
         cast({{ dbt.dateadd('day', 8, 'rate_date') }} as date)
       ) as date) as answers_to
from pairs
