{#-
  Sales by period ('day', 'week', 'month', 'quarter') and department, of the periods that are touched. What receipts add
  that nobody knew is added to what is there, for then it isn't to be counted anew how many receipts and customers there
  are; a customer counts who has no line of the period and the department but theirs.
-#}
{% macro sales_by(period, name, mart) -%}
    /*later*/
    with added as (
        {{ sales_lines(period, name, mart, 0) }}
            and facts.transaction_id in ({{ touched(mart, 'new') }})
    )
    /*end later*/
    select
        {{ name }},
        department,
        cast(sum(transactions) as bigint) as transactions,
        cast(sum(lines) as bigint) as lines,
        cast(sum(return_lines) as bigint) as return_lines,
        cast(sum(customers) as bigint) as customers,
        sum(quantity) as quantity,
        sum(net_amount_reporting) as net_amount_reporting,
        cast(sum(unconverted_lines) as bigint) as unconverted_lines,
        cast(sum(cancelled_lines) as bigint) as cancelled_lines
    from (
        select
            {{ name }}, department, {{ sales_figures() }},
            count(distinct customer_id) as customers
        from ({{ sales_lines(period, name, mart, 1) }}) as lines
        group by {{ name }}, department
        /*later*/
        union all

        select {{ name }}, department, {{ sales_columns() }}, customers
        from {{ this }}
        where {{ name }} in (select {{ name }} from {{ ref('touched_' ~ mart) }} where is_whole = 0)

        union all

        select {{ name }}, department, {{ sales_figures() }}, 0
        from added
        group by {{ name }}, department

        union all

        select {{ name }}, department, 0, 0, 0, 0, 0, 0, 0, count(*)
        from (
            select theirs.{{ name }}, theirs.department
            from (
                select {{ name }}, department, customer_id, count(*) as lines
                from added
                group by {{ name }}, department, customer_id
            ) as theirs
            -- Of a join that is counted DuckDB may count all lines first.
            inner join (
                select
                    {{ period_of('facts.sale_date', period) }} as {{ name }},
                    coalesce(product.department, 'Unassigned') as department,
                    facts.customer_id,
                    count(*) as lines
                from {{ ref('fact_transactions') }} as facts
                left join {{ ref('dim_product') }} as product on product.product_key = facts.product_key
                where {{ within_touched(period, name, mart, 0) }}
                    and facts.customer_id in (select customer_id from added)
                group by 1, 2, 3
            ) as known
                on known.{{ name }} = theirs.{{ name }}
                and known.department = theirs.department
                and known.customer_id = theirs.customer_id
                and known.lines = theirs.lines
        ) as newcomers
        group by {{ name }}, department
        /*end later*/
    ) as parts
    group by {{ name }}, department
{%- endmacro %}

{#- Lines of the periods that are to be worked out anew (1), or to be added to (0). -#}
{% macro sales_lines(period, name, mart, is_whole) -%}
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
    where {{ within_touched(period, name, mart, is_whole) }}
        and {{ period_of('facts.sale_date', period) }} in (select {{ name }} from {{ ref('touched_' ~ mart) }} where is_whole = {{ is_whole }})
{%- endmacro %}

{#- That a line is of the time from the first of the touched periods to the last: engines skip blocks of other days. -#}
{% macro within_touched(period, name, mart, is_whole) -%}
    {%- set periods = ref('touched_' ~ mart) ~ " where is_whole = " ~ is_whole -%}
    facts.sale_date >= (select min({{ name }}) from {{ periods }})
        and facts.sale_date < (select cast({{ dbt.dateadd(period, 1, 'max(' ~ name ~ ')') }} as date) from {{ periods }})
{%- endmacro %}

{#- Receipts of the touched months, of all departments; of these receipts, if there are any given. -#}
{% macro receipts_by_month(is_whole, receipts=none) -%}
    {%- set month = period_of('facts.sale_date', 'month') -%}
    select
        {{ month }} as month_start,
        count(distinct case when facts.quantity <> 0 then facts.transaction_id end) as receipts
    from {{ ref('fact_transactions') }} as facts
    where {{ within_touched('month', 'month_start', 'month_totals', is_whole) }}
        and {{ month }} in (select month_start from {{ ref('touched_month_totals') }} where is_whole = {{ is_whole }})
        {%- if receipts %}
        and facts.transaction_id in ({{ receipts }})
        {%- endif %}
    group by {{ month }}
{%- endmacro %}

{% macro sales_figures() -%}
    count(distinct case when quantity <> 0 then transaction_id end) as transactions,
    count(*) as lines,
    count(case when quantity < 0 then 1 end) as return_lines,
    sum(quantity) as quantity,
    coalesce(sum(net_amount_reporting), 0) as net_amount_reporting,
    count(case when conversion_status in ('no_rate', 'too_large') then 1 end) as unconverted_lines,
    count(cancelled_quantity) as cancelled_lines
{%- endmacro %}

{% macro sales_columns() -%}
    transactions, lines, return_lines, quantity, net_amount_reporting, unconverted_lines, cancelled_lines
{%- endmacro %}
