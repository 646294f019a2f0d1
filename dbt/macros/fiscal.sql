{#-
  The declared fiscal calendar, word by word: months,MONTH,NAMED or PATTERN,MONTH,DAY,PLACE,NAMED.
-#}
{% macro fiscal_calendar() -%}
    {{ return(env_var('WORKBENCH_FISCAL_CALENDAR', 'months,january,begins').split(',')) }}
{%- endmacro %}

{#-
  First day of the fiscal year that begins in, or next to, the calendar year so many years after that of year_start. Years
  of weeks begin on a weekday within seven days: around the first of the month, from it on, or up to it.
-#}
{% macro fiscal_start(year_start, years) -%}
    {%- set words = fiscal_calendar() -%}
    {%- set months = ['january', 'february', 'march', 'april', 'may', 'june', 'july', 'august', 'september', 'october',
                      'november', 'december'] -%}
    {%- set first = dbt.dateadd('month', months.index(words[1]) + 12 * years, year_start) -%}
    {%- if words[0] == 'months' -%}
        cast({{ first }} as date)
    {%- else -%}
        {%- set days = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'] -%}
        {%- set latest = dbt.dateadd('day', {'nearest': 3, 'first': 6, 'last': 0}[words[3]], first) -%}
        {#- The last such weekday up to the latest day: weeks are cut on Monday, so days are moved there and back. -#}
        {%- set moved = dbt.dateadd('day', -days.index(words[2]), latest) -%}
        cast({{ dbt.dateadd('day', days.index(words[2]), dbt.date_trunc('week', moved)) }} as date)
    {%- endif -%}
{%- endmacro %}

{#- 1 where a fiscal year has the name of the year in which it ends, and that is another than that of its beginning. -#}
{% macro fiscal_ends_later() -%}
    {%- set words = fiscal_calendar() -%}
    {{ 1 if words[-1] == 'ends' and words[1] != 'january' else 0 }}
{%- endmacro %}

{#- Period of the fiscal year, 1 to 12. The 53rd week of a year is of its last period. -#}
{% macro fiscal_period(start, day) -%}
    {%- set words = fiscal_calendar() -%}
    {%- if words[0] == 'months' -%}
        cast({{ dbt.datediff(start, day, 'month') }} as integer) + 1
    {%- else -%}
        case
        {%- set weeks = words[0].split('-') | map('int') | list -%}
        {%- set ns = namespace(until=0) -%}
        {%- for period in range(11) -%}
            {%- set ns.until = ns.until + weeks[period % 3] %}
            when {{ dbt.datediff(start, day, 'day') }} < {{ 7 * ns.until }} then {{ period + 1 }}
        {%- endfor %}
            else 12
        end
    {%- endif -%}
{%- endmacro %}
