{#- The currency that reports are in. -#}
{% macro reporting_currency() -%}
    {{ "'" ~ env_var('WORKBENCH_REPORTING_CURRENCY', 'USD') | upper | replace("'", "") ~ "'" }}
{%- endmacro %}

{#-
  Product of DECIMAL(18, 4) and DECIMAL(18, 6), rounded to four places. DuckDB computes it in 18 digits, in an eighth of
  the time that wider ones take; the first is widened where 18 don't hold it.
-#}
{% macro times(left, right) -%}
    case
        when {{ left }} between -9999 and 9999 and {{ right }} between -9999 and 9999
            then cast(round({{ left }} * {{ right }}, 4) as decimal(18, 4))
        else cast(round(cast({{ left }} as decimal(19, 4)) * {{ right }}, 4) as decimal(18, 4))
    end
{%- endmacro %}

{#- Product of two integers of 18 digits; the first is widened as in `times`. -#}
{% macro product(left, right) -%}
    cast({{ left }} as decimal(19, 0)) * {{ right }}
{%- endmacro %}

{#-
  A quotient of integers, exact and rounded once, halves up, without a division of decimals: the engines divide
  those with places of their own choice, or in floating point. It takes three steps, since each names the one before:

    whole_part   about the quotient, from floating point; off by some hundreds in the worst case of 18 digits
    remainder    what that leaves of the dividend, exactly
    quotient     the whole part and the rest of the quotient, which is small enough to be told exactly

  dividend: up to 36 digits, not negative; divisor: up to 18, positive; the quotient has at most 18.
-#}
{% macro whole_part(dividend, divisor) -%}
    cast(floor(cast({{ dividend }} as double precision) / cast({{ divisor }} as double precision)) as decimal(18, 0))
{%- endmacro %}

{% macro remainder(dividend, divisor, whole) -%}
    cast({{ dividend }} as decimal(37, 0)) - {{ product(whole, divisor) }}
{%- endmacro %}

{% macro quotient(whole, rest, divisor) -%}
    {%- set more = whole_part(rest, divisor) -%}
    {%- set twice = "2 * cast(" ~ rest ~ " - " ~ product(more, divisor) ~ " as decimal(20, 0))" -%}
    {{ whole }} + {{ more }} + case
        when {{ twice }} < {{ product(divisor, -1) }} then -1
        when {{ twice }} < {{ divisor }} then 0
        when {{ twice }} < {{ product(divisor, 3) }} then 1
        else 2
    end
{%- endmacro %}

{#- A decimal in units of its last place: an integer. -#}
{% macro in_units(value, scale) -%}
    cast(cast({{ value }} as decimal(19, {{ scale }})) * {{ 10 ** scale }} as decimal(18, 0))
{%- endmacro %}
