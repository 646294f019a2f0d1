{#- Days within which a return that names no receipt may have been bought. -#}
{% macro return_window() -%} {{ env_var('WORKBENCH_RETURN_WINDOW', '90') | int }} {%- endmacro %}

{#- Who bought what, as one short text. -#}
{% macro purchase(customer, product) -%} md5({{ customer }} || ' ' || {{ product }}) {%- endmacro %}

{#- What was paid for a unit, in hundredths of the currency: doubles are divided alike by the engines, decimals aren't. -#}
{% macro paid_cents(amount, quantity) -%}
    case
        when {{ quantity }} <> 0 and abs(cast({{ amount }} as double precision)) < 1e14 * abs(cast({{ quantity }} as double precision))
            then cast(floor(cast({{ amount }} as double precision) / cast({{ quantity }} as double precision) * 100 + 0.5) as bigint)
    end
{%- endmacro %}

{#-
  Which units of which sales returns take back, within pools of both: the first return takes the first line's first
  units. Each side's units are numbered through, and those of one number meet.
-#}
{% macro taken_in_order(returns, sales, pool) -%}
    {%- set by = pool | join(", ") -%}
    select
        back.transaction_id,
        back.line_number,
        back.customer_id,
        bought.sale_transaction_id,
        bought.sale_line_number,
        bought.sale_timestamp,
        bought.sale_customer_id,
        least(back.last_unit, bought.last_unit)
            - greatest(back.last_unit - back.quantity, bought.last_unit - bought.quantity) as quantity
    from (
        select
            {{ by }}, transaction_id, line_number, customer_id, quantity,
            sum(quantity) over (
                partition by {{ by }} order by transaction_timestamp, transaction_id, line_number
                rows unbounded preceding
            ) as last_unit
        from {{ returns }}
    ) as back
    inner join (
        select
            {{ by }}, sale_line_number, sale_timestamp, sale_customer_id, quantity,
            sum(quantity) over (partition by {{ by }} order by sale_line_number rows unbounded preceding) as last_unit
            {{- "" if "sale_transaction_id" in pool else ", sale_transaction_id" }}
        from {{ sales }}
    ) as bought on {{ same_key('bought', 'back', pool) }}
        and bought.last_unit - bought.quantity < back.last_unit
        and back.last_unit - back.quantity < bought.last_unit
{%- endmacro %}

{#-
  Common table expressions, the last of them named `name`: which units of a customer's purchases each of her returns takes
  back, of the same product, currency and price. The last purchase before it that nobody has brought back comes first.

  A pool's units are a pile: what is bought is laid on top, what comes back is taken from there, and what comes back
  while the pile is empty was bought elsewhere. A return meets at each height the last purchase that was laid there. A
  thousand moves in one pool are no customer's, but those of an id that stands for many, and are left alone.

  moves: relation of purchases (quantity > 0) and returns (< 0), with `happened_at`.
-#}
{% macro taken_from_the_last(name, moves, price) -%}
    {%- set pool = ['customer_id', 'product_id', 'currency', price] -%}
    {%- set by = pool | join(", ") -%}
    {%- set in_order = "happened_at, case when quantity > 0 then 0 else 1 end, transaction_id, line_number" -%}
{{ name }}_pools as (
    select {{ by }}
    from {{ moves }}
    group by {{ by }}
    having min(quantity) < 0 and max(quantity) > 0 and count(*) <= 1000
),

{{ name }}_totals as (
    select
        moves.*,
        row_number() over (partition by {{ by }} order by {{ in_order }}) as place,
        sum(quantity) over (partition by {{ by }} order by {{ in_order }} rows unbounded preceding) as total
    from (
        select {% for column in pool %}moves.{{ column }}, {% endfor %}moves.happened_at, moves.transaction_id,
            moves.line_number, moves.quantity
        from {{ moves }} as moves
        inner join {{ name }}_pools as pools on {{ same_key('pools', 'moves', pool) }}
    ) as moves
),

{{ name }}_heights as (
    select
        totals.*,
        total - least(0, min(total) over (partition by {{ by }} order by place rows unbounded preceding)) as height
    from {{ name }}_totals as totals
),

{{ name }}_ranges as (
    select
        {{ by }}, place, happened_at, transaction_id, line_number, quantity,
        least(height, before) as low,
        greatest(height, before) as high
    from (
        select
            heights.*,
            coalesce(lag(height) over (partition by {{ by }} order by place), 0) as before
        from {{ name }}_heights as heights
    ) as heights
    where height <> before
),

{{ name }}_pieces as (
    select {{ by }}, low, lead(low) over (partition by {{ by }} order by low) as high
    from (
        select {{ by }}, low from {{ name }}_ranges
        union
        select {{ by }}, high from {{ name }}_ranges
    ) as ends
),

{{ name }}_meetings as (
    select
        {% for column in pool %}ranges.{{ column }}, {% endfor %}
        ranges.transaction_id,
        ranges.line_number,
        ranges.quantity as moved,
        ranges.happened_at,
        pieces.high - pieces.low as quantity,
        {%- for column, told in {'quantity': 'sale_moved', 'transaction_id': 'sale_transaction_id',
                                 'line_number': 'sale_line_number', 'happened_at': 'sale_timestamp'}.items() %}
        lag(ranges.{{ column }}) over (
            partition by {% for column in pool %}ranges.{{ column }}, {% endfor %}pieces.low order by ranges.place
        ) as {{ told }}{{ "," if not loop.last }}
        {%- endfor %}
    from {{ name }}_ranges as ranges
    inner join {{ name }}_pieces as pieces
        on {{ same_key('pieces', 'ranges', pool) }}
        and pieces.low >= ranges.low and pieces.high <= ranges.high
),

{{ name }} as (
    select
        customer_id, transaction_id, line_number, sale_transaction_id, sale_line_number, sale_timestamp, quantity
    from {{ name }}_meetings
    where moved < 0 and sale_moved > 0
        and happened_at <= {{ dbt.dateadd('day', return_window(), 'sale_timestamp') }}
)
{%- endmacro %}
