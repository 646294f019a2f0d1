{#- The ends of time in a validity interval. -#}
{% macro end_of_time() -%} timestamp '9999-12-31 00:00:00' {%- endmacro %}
{% macro start_of_time() -%} timestamp '0001-01-01 00:00:00' {%- endmacro %}
{#- No time that ingestion takes is earlier; what an earlier version of it took is left out of the facts. -#}
{% macro first_of_all() -%} timestamp '1700-01-01 00:00:00' {%- endmacro %}
{% macro inferred_since() -%} timestamp '1900-01-01 00:00:00' {%- endmacro %}

{% macro day_of(moment) -%} cast({{ moment }} as date) {%- endmacro %}

{#- yyyymmdd -#}
{% macro date_key(moment) -%}
    cast(extract(year from {{ moment }}) * 10000 + extract(month from {{ moment }}) * 100
        + extract(day from {{ moment }}) as integer)
{%- endmacro %}

{#- hour * 100 + minute -#}
{% macro time_key(moment) -%}
    cast(extract(hour from {{ moment }}) * 100 + extract(minute from {{ moment }}) as integer)
{%- endmacro %}

{#- Rows n = 0 .. 10^digits - 1 -#}
{% macro numbers(digits) -%}
    select
        {%- for place in range(digits) %}
        {{ "+ " if not loop.first }}d{{ place }}.n * {{ 10 ** place }}
        {%- endfor %} as n
    from
        {%- for place in range(digits) %}
        {{ "cross join " if not loop.first }}(
            {%- for n in range(10) %}select {{ n }} as n{{ " union all " if not loop.last }}{% endfor -%}
        ) as d{{ place }}
        {%- endfor %}
{%- endmacro %}

{#- The time of a sale as it landed. -#}
{% macro landed_time(facts) -%}
    case when {{ facts }}._has_zone or {{ facts }}.local_timestamp is null
        then {{ facts }}.transaction_timestamp else {{ facts }}.local_timestamp end
{%- endmacro %}

{#- The day of business that a clock's time is of: it begins at some hour, and lasts until that hour of the next day. -#}
{% macro business_day(clock, day_starts) -%}
    case
        when {{ day_starts }} > extract(hour from {{ clock }})
            then cast({{ dbt.dateadd('day', -1, clock) }} as date)
        else {{ day_of(clock) }}
    end
{%- endmacro %}

{#- The clocks of stores that have told theirs: time_zone, and the hour at which the day of business begins. -#}
{% macro clocks() -%}
    select store_id, time_zone, coalesce(day_starts, 0) as day_starts
    from (
        select store_id, time_zone, day_starts, row_number() over (partition by store_id order by valid_from desc) as age
        from {{ ref('dim_store') }}
    ) as versions
    where age = 1 and (time_zone is not null or day_starts > 0)
{%- endmacro %}
