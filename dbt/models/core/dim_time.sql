{{ config(tags=['transactions']) }}
with digits as (
  {% for d in range(10) %}select {{ d }} as d{{ ' union all ' if not loop.last }}{% endfor %}
),
minutes as (
  select a.d * 1000 + b.d * 100 + c.d * 10 + e.d as n
  from digits as a cross join digits as b cross join digits as c cross join digits as e
),
clock as (
  select cast(floor(n / 60.0) as integer) as hour, n - cast(floor(n / 60.0) as integer) * 60 as minute
  from minutes where n < 1440
),
named as (
  select hour * 100 + minute as time_key, hour, minute,
         case when hour < 6 then 'night' when hour < 12 then 'morning' when hour < 18 then 'afternoon'
              else 'evening' end as part_of_day
  from clock
)
select {{ as_declared('core.dim_time') }} from named
