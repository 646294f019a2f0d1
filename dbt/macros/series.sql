{#- 60-bit integer of what readings have in common that follow one another; a missing part is a part of its own. -#}
{% macro series_key(parts) -%}
    {%- set told -%}
        {%- for part in parts -%}
            coalesce('=' || replace(replace({{ part }}, '/', '//'), '|', '/p'), ''){{ " || '|' || " if not loop.last }}
        {%- endfor -%}
    {%- endset -%}
    {{ hashed(told) }}
{%- endmacro %}

{#- A day of a series, as text, and what it says. -#}
{% macro series_day(moment) -%}
    cast(series_key as varchar(20)) || ' ' || cast(cast({{ moment }} as date) as varchar(10))
{%- endmacro %}

{% macro series_of(member) -%} cast(split_part({{ member }}, ' ', 1) as bigint) {%- endmacro %}
{% macro series_date_of(member) -%} cast(split_part({{ member }}, ' ', 2) as date) {%- endmacro %}

{#- Days of series that models told of, as told: columns series_key and reading_date. -#}
{% macro told_series_days(name) -%}
    select {{ series_of('told.member') }} as series_key, {{ series_date_of('told.member') }} as reading_date
    from ({{ touched(name, 'series_day') }}) as told

    union

    select days.series_key, days.reading_date
    from {{ ref('reading_days') }} as days
    where {{ is_never_built(name) }}
        or days.series_key in (select cast(told.member as bigint) from ({{ touched(name, 'series') }}) as told)
{%- endmacro %}

{#- Branches of a case for the declared intervals: those of sensors first, then those of metrics. -#}
{% macro declared_intervals(sensor, metric) -%}
    {%- set parts = env_var('WORKBENCH_READING_INTERVALS', '').split(',') | select | list -%}
    {%- for of_sensors in [true, false] -%}
        {%- for part in parts if part.startswith('sensor:') == of_sensors -%}
            {%- set name, seconds = part.rsplit('=', 1) -%}
            {%- set name = name[7:] if of_sensors else name -%}
            when {{ sensor if of_sensors else 'lower(' ~ metric ~ ')' }} = '{{ name | replace("'", "''") }}' then {{ seconds | int }}
        {% endfor -%}
    {%- endfor -%}
{%- endmacro %}
