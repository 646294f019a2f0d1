{#- An aggregate of sales holds every line and the whole amount. -#}
{% test same_sales(model) %}
    select here.lines as lines_here, there.lines as lines_there, here.amount as amount_here, there.amount as amount_there
    from (
        select coalesce(sum(lines), 0) as lines, coalesce(sum(net_amount_reporting), 0) as amount from {{ model }}
    ) as here
    cross join (
        select count(*) as lines, coalesce(sum(net_amount_reporting), 0) as amount from {{ ref('fact_transactions') }}
    ) as there
    where here.lines <> there.lines or here.amount <> there.amount
{% endtest %}

{#- Rows landed are rows accepted and rows quarantined. -#}
{% test accounted_for(model, column_name) %}
    select *
    from {{ model }}
    where {{ column_name }} <> rows_accepted + rows_quarantined
{% endtest %}
