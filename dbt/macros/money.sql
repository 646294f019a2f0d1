{#- The currency that reports are in. -#}
{% macro reporting_currency() -%}
    {{ "'" ~ env_var('WORKBENCH_REPORTING_CURRENCY', 'USD') | upper | replace("'", "") ~ "'" }}
{%- endmacro %}

{#-
  Product of two DECIMAL(18, s), rounded to four places. The first is widened because DuckDB computes a product of
  two 18-digit decimals in 18 digits, which a million at a rate of eight places already overflows.
-#}
{% macro times(left, right, scale=4) -%}
    cast(round(cast({{ left }} as decimal(19, {{ scale }})) * {{ right }}, 4) as decimal(18, 4))
{%- endmacro %}
