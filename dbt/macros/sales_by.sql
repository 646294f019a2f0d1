{#- Sales by period ('day', 'week', 'month') and department. -#}
{% macro sales_by(period, name) -%}
    select
        {{ name }},
        department,
        count(distinct transaction_id) as transactions,
        count(*) as lines,
        count(case when quantity < 0 then 1 end) as return_lines,
        count(distinct customer_id) as customers,
        sum(quantity) as quantity,
        coalesce(sum(net_amount_reporting), 0) as net_amount_reporting,
        count(case when conversion_status in ('no_rate', 'too_large') then 1 end) as unconverted_lines
    from (
        select
            {{ "transaction_date" if period == "day"
                else "cast(" ~ dbt.date_trunc(period, "transaction_date") ~ " as date)" }} as {{ name }},
            coalesce(department, 'Unassigned') as department,
            transaction_id,
            customer_id,
            quantity,
            net_amount_reporting,
            conversion_status
        from {{ ref('retail_sales') }}
    ) as lines
    group by {{ name }}, department
{%- endmacro %}
