{# Sales by department and period; distinct counts don't add up, so each period is counted from the lines. #}
{% macro sales_by(period, name) -%}
with lines as (
  select {{ period }} as {{ name }}, coalesce(department, 'Unassigned') as department, transaction_id, customer_id,
         quantity, net_amount_reporting, conversion_status
  from {{ ref('retail_sales') }}
),
summed as (
  select {{ name }}, department, count(distinct transaction_id) as transactions, count(*) as lines,
         sum(case when quantity < 0 then 1 else 0 end) as return_lines, count(distinct customer_id) as customers,
         sum(quantity) as quantity, coalesce(sum(net_amount_reporting), 0) as net_amount_reporting,
         sum(case when conversion_status = 'no_rate' then 1 else 0 end) as unconverted_lines
  from lines group by {{ name }}, department
)
{%- endmacro %}
