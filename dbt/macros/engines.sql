{#- What has no form common to the engines. -#}

{#- 60-bit integer of a natural key and the beginning of a version; the same on every engine. -#}
{% macro surrogate_key(key, valid_from) -%}
    {{ return(adapter.dispatch('surrogate_key')(key, valid_from)) }}
{%- endmacro %}

{% macro default__surrogate_key(key, valid_from) -%}
    cast('0x' || substr(md5({{ key }} || '|' || {{ moment_text(valid_from) }}), 1, 15) as bigint)
{%- endmacro %}

{% macro redshift__surrogate_key(key, valid_from) -%}
    strtol(substring(md5({{ key }} || '|' || {{ moment_text(valid_from) }}), 1, 15), 16)
{%- endmacro %}

{#- 60-bit integer of a text; the same on every engine. -#}
{% macro hashed(text) -%}
    {{ return(adapter.dispatch('hashed')(text)) }}
{%- endmacro %}

{% macro default__hashed(text) -%}
    cast('0x' || substr(md5({{ text }}), 1, 15) as bigint)
{%- endmacro %}

{% macro redshift__hashed(text) -%}
    strtol(substring(md5({{ text }}), 1, 15), 16)
{%- endmacro %}

{#- A timestamp as text: 2017-03-01 09:30:00.000000 -#}
{% macro moment_text(moment) -%}
    {{ return(adapter.dispatch('moment_text')(moment)) }}
{%- endmacro %}

{% macro default__moment_text(moment) -%}
    strftime({{ moment }}, '%Y-%m-%d %H:%M:%S.%f')
{%- endmacro %}

{% macro redshift__moment_text(moment) -%}
    to_char({{ moment }}, 'YYYY-MM-DD HH24:MI:SS.US')
{%- endmacro %}

{#- True if both are equal or both are null, never null itself. -#}
{% macro is_same(left, right) -%}
    {{ return(adapter.dispatch('is_same')(left, right)) }}
{%- endmacro %}

{% macro default__is_same(left, right) -%}
    {{ left }} is not distinct from {{ right }}
{%- endmacro %}

{% macro redshift__is_same(left, right) -%}
    case when {{ left }} = {{ right }} or ({{ left }} is null and {{ right }} is null) then true else false end
{%- endmacro %}

{#- What a clock in a time zone shows at a time in UTC. -#}
{% macro local_time(moment, zone) -%}
    {{ return(adapter.dispatch('local_time')(moment, zone)) }}
{%- endmacro %}

{% macro default__local_time(moment, zone) -%}
    timezone({{ zone }}, timezone('UTC', {{ moment }}))
{%- endmacro %}

{% macro redshift__local_time(moment, zone) -%}
    convert_timezone('UTC', {{ zone }}, {{ moment }})
{%- endmacro %}

{#-
  The time in UTC at which a clock in a time zone shows this. What it shows twice, when it is put back, is the second time;
  what it never shows, when it is put forward, is counted on from before.
-#}
{% macro utc_time(clock, zone) -%}
    {{ return(adapter.dispatch('utc_time')(clock, zone)) }}
{%- endmacro %}

{% macro default__utc_time(clock, zone) -%}
    timezone('UTC', timezone({{ zone }}, {{ clock }}))
{%- endmacro %}

{% macro redshift__utc_time(clock, zone) -%}
    convert_timezone({{ zone }}, 'UTC', {{ clock }})
{%- endmacro %}
