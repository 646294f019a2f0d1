{{ config(tags=['transactions']) }}
with years as (
  select distinct extract(year from transaction_timestamp) as y from {{ source('raw', 'transactions') }}
  union
  select distinct extract(year from event_timestamp) from {{ source('raw', 'events') }}
  union
  select distinct extract(year from measured_at) from {{ source('raw', 'measurements') }}
),
digits as (
  {% for d in range(10) %}select {{ d }} as d{{ ' union all ' if not loop.last }}{% endfor %}
),
days as (
  select y, a.d * 100 + b.d * 10 + c.d as n
  from years cross join digits as a cross join digits as b cross join digits as c
  where a.d * 100 + b.d * 10 + c.d < 366
),
calendar as (
  select cast({{ dbt.dateadd('day', 'n', "cast(lpad(cast(y as varchar), 4, '0') || '-01-01' as date)") }} as date) as calendar_date, y
  from days
),
described as (
  select {{ date_key('calendar_date') }} as date_key, calendar_date,
         extract(year from calendar_date) as year, extract(quarter from calendar_date) as quarter,
         extract(month from calendar_date) as month, extract(day from calendar_date) as day_of_month,
         case when extract(dow from calendar_date) = 0 then 7 else extract(dow from calendar_date) end as day_of_week,
         extract(doy from calendar_date) as day_of_year,
         {{ dbt.date_trunc('week', 'calendar_date') }} as week_start,
         {{ dbt.date_trunc('month', 'calendar_date') }} as month_start,
         extract(dow from calendar_date) in (0, 6) as is_weekend
  from calendar where extract(year from calendar_date) = y
)
select {{ as_declared('core.dim_date') }} from described
