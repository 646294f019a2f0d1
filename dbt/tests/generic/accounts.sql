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

{#- Every event of the fact is here. -#}
{% test each_event_once(model) %}
    select here.events as events_here, there.events as events_there
    from (select count(*) as events from {{ model }}) as here
    cross join (select count(*) as events from {{ ref('fact_events') }}) as there
    where here.events <> there.events
{% endtest %}

{#- Sessions hold every event of whom something is known. -#}
{% test same_events(model) %}
    select here.events as events_here, there.events as events_there
    from (select coalesce(sum(events), 0) as events from {{ model }}) as here
    cross join (select count(actor) as events from {{ ref('event_actors') }}) as there
    where here.events <> there.events
{% endtest %}

{#- A funnel begins with every session. -#}
{% test same_sessions(model) %}
    select here.sessions as sessions_here, there.sessions as sessions_there
    from (select coalesce(sum(sessions), 0) as sessions from {{ model }} where step_number = 0) as here
    cross join (select count(*) as sessions from {{ ref('sessions') }}) as there
    where here.sessions <> there.sessions
{% endtest %}

{#- Days of series hold every reading. -#}
{% test same_readings(model) %}
    select here.readings as readings_here, there.readings as readings_there
    from (select coalesce(sum(readings), 0) as readings from {{ model }}) as here
    cross join (select count(*) as readings from {{ ref('fact_measurements') }}) as there
    where here.readings <> there.readings
{% endtest %}

{#- Every line with a negative quantity is here. -#}
{% test each_return_once(model) %}
    select here.lines as lines_here, there.lines as lines_there
    from (select count(*) as lines from {{ model }}) as here
    cross join (select count(*) as lines from {{ ref('fact_transactions') }} where quantity < 0) as there
    where here.lines <> there.lines
{% endtest %}

{#- No line of a sale is taken back more often than it was sold, and none takes back more than came. -#}
{% test no_more_than_sold(model) %}
    select matches.sale_transaction_id, matches.sale_line_number
    from (
        select sale_transaction_id, sale_line_number, sum(quantity) as quantity
        from (
            select sale_transaction_id, sale_line_number, quantity from {{ ref('receipt_matches') }}
            union all
            select sale_transaction_id, sale_line_number, quantity from {{ ref('purchase_matches') }}
        ) as each_match
        group by sale_transaction_id, sale_line_number
    ) as matches
    left join {{ ref('fact_transactions') }} as facts
        on facts.transaction_id = matches.sale_transaction_id and facts.line_number = matches.sale_line_number
    where facts.quantity is null or matches.quantity > facts.quantity

    union all

    select transaction_id, line_number from {{ model }} where matched_quantity > quantity
{% endtest %}
