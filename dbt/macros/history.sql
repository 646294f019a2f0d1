{# Type-2 history is worked out from the whole change log: ordered by its own time, whatever the order of arrival. #}

{# The rows that count: of those with the same key, the one that landed last. #}
{% macro latest(relation, keys) -%}
  select * from (
    select *, row_number() over (
      partition by {{ keys | join(', ') }} order by _ingested_at desc, _row_number desc
    ) as arrival_rank
    from {{ relation }}
  ) as ranked
  where arrival_rank = 1
{%- endmacro %}

{# One row a version: valid_from, valid_to, is_current and the attributes as they landed. #}
{% macro versions(relation, key, attributes, deletable=true) -%}
  {%- set deleted = "coalesce(is_deleted, false)" if deletable else "false" -%}
  select {{ key }}, {{ attributes | join(', ') }}, updated_at as valid_from,
         coalesce(next_change, cast('9999-12-31' as timestamp)) as valid_to,
         next_change is null as is_current
  from (
    select *, lead(updated_at) over (partition by {{ key }} order by updated_at) as next_change
    from (
      select *, {{ deleted }} as gone,
             lag({{ deleted }}) over log as was_gone
             {%- for attribute in attributes %}, lag({{ attribute }}) over log as was_{{ attribute }}{% endfor %}
      from ({{ latest(relation, [key, 'updated_at']) }}) as entries
      window log as (partition by {{ key }} order by updated_at)
    ) as compared
    where was_gone is null
       or gone <> was_gone
       or (not gone and (
         {%- for attribute in attributes %}
         {{ 'or ' if not loop.first }}{{ differs(attribute, 'was_' ~ attribute) }}
         {%- endfor %}
       ))
  ) as changes
  where not gone
{%- endmacro %}

{# Natural ids that facts name and no version knows. Only lines that still count are heeded. #}
{% macro inferred(facts, id, versions) -%}
  {%- for fact, keys in facts.items() %}
  {{ 'union' if not loop.first }}
  select {{ id }} from (
    select f.{{ id }}, row_number() over (
      partition by {% for key in keys %}f.{{ key }}{{ ', ' if not loop.last }}{% endfor %}
      order by f._ingested_at desc, f._row_number desc
    ) as arrival_rank
    from {{ source('raw', fact) }} as f
    inner join (
      select distinct {{ keys | join(', ') }} from {{ source('raw', fact) }}
      where {{ id }} is not null and {{ id }} not in (select {{ id }} from {{ versions }})
    ) as touched
      on {% for key in keys %}{{ 'and ' if not loop.first }}f.{{ key }} = touched.{{ key }} {% endfor %}
  ) as lines
  where arrival_rank = 1 and {{ id }} is not null and {{ id }} not in (select {{ id }} from {{ versions }})
  {%- endfor %}
{%- endmacro %}

{# When each version answers for a fact: the first one also before it began, each one until the next begins. #}
{% macro answering(dimension, key, id) -%}
  select {{ key }}, {{ id }},
         case when lag(valid_from) over (partition by {{ id }} order by valid_from) is null
              then cast('0001-01-01' as timestamp) else valid_from end as answers_from,
         coalesce(lead(valid_from) over (partition by {{ id }} order by valid_from),
                  cast('9999-12-31' as timestamp)) as answers_to
  from {{ dimension }}
{%- endmacro %}
