{#- Sales by period ('day', 'week', 'month', 'quarter') and department, of the periods that are touched. -#}
{% macro sales_by(period, name, touched) -%}
    select
        {{ name }},
        department,
        count(distinct case when quantity <> 0 then transaction_id end) as transactions,
        count(*) as lines,
        count(case when quantity < 0 then 1 end) as return_lines,
        count(distinct customer_id) as customers,
        sum(quantity) as quantity,
        coalesce(sum(net_amount_reporting), 0) as net_amount_reporting,
        count(case when conversion_status in ('no_rate', 'too_large') then 1 end) as unconverted_lines,
        count(cancelled_quantity) as cancelled_lines
    from (
        select
            {{ period_of('facts.sale_date', period) }} as {{ name }},
            coalesce(product.department, 'Unassigned') as department,
            facts.transaction_id,
            facts.customer_id,
            facts.quantity,
            facts.net_amount_reporting,
            facts.conversion_status,
            facts.cancelled_quantity
        from {{ ref('fact_transactions') }} as facts
        left join {{ ref('dim_product') }} as product on product.product_key = facts.product_key
        -- Of a join DuckDB expects few rows, and goes on with a plan for few.
        where {{ period_of('facts.sale_date', period) }} in (select {{ name }} from {{ touched }})
    ) as lines
    group by {{ name }}, department
{%- endmacro %}
