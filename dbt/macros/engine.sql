{# What the engines say differently. #}

{% macro generate_schema_name(custom_schema_name, node) -%}
  {{ custom_schema_name or target.schema }}
{%- endmacro %}

{% macro moment_text(moment) %}{{ return(adapter.dispatch('moment_text')(moment)) }}{% endmacro %}
{% macro default__moment_text(moment) %}to_char({{ moment }}, 'YYYY-MM-DD HH24:MI:SS.US'){% endmacro %}
{% macro duckdb__moment_text(moment) %}strftime({{ moment }}, '%Y-%m-%d %H:%M:%S.%f'){% endmacro %}

{% macro hex_to_bigint(hex) %}{{ return(adapter.dispatch('hex_to_bigint')(hex)) }}{% endmacro %}
{% macro default__hex_to_bigint(hex) %}strtol({{ hex }}, 16){% endmacro %}
{% macro duckdb__hex_to_bigint(hex) %}cast('0x' || {{ hex }} as bigint){% endmacro %}

{# A 60-bit key, the same on every engine: the first 15 hex digits of a hash of natural key and start. #}
{% macro version_key(natural_key, valid_from) -%}
  {{ hex_to_bigint("substring(md5(" ~ natural_key ~ " || '|' || " ~ moment_text(valid_from) ~ "), 1, 15)") }}
{%- endmacro %}

{% macro differs(a, b) -%}
  not (coalesce({{ a }} = {{ b }}, false) or ({{ a }} is null and {{ b }} is null))
{%- endmacro %}

{# Every column of a declared table, in order and of its declared type. #}
{% macro as_declared(table) -%}
  {%- set columns = var('columns').get(table, {}) -%}
  {%- if not columns -%} * {%- endif -%}
  {%- for name, type in columns.items() %}
  cast("{{ name }}" as {{ type }}) as "{{ name }}"{{ "," if not loop.last }}
  {%- endfor %}
{%- endmacro %}

{% macro date_key(moment) -%}
  (extract(year from {{ moment }}) * 10000 + extract(month from {{ moment }}) * 100 + extract(day from {{ moment }}))
{%- endmacro %}

{% macro time_key(moment) -%}
  (extract(hour from {{ moment }}) * 100 + extract(minute from {{ moment }}))
{%- endmacro %}
