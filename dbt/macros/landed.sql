{#-
  What orders rows of a raw table from the one that landed last. Batches have times of their own, and within a batch
  the later row wins. Batches of one time, as another program may have written them, are told apart before their rows
  are. `workbench/schema/landed.py` says the same.
-#}
{% macro newest_first(alias) -%}
    {{ alias }}._ingested_at desc, {{ alias }}._batch_id desc, {{ alias }}._row_number desc
{%- endmacro %}


{#- The rows of a dataset, one for each key: the one landed last of those that meet a condition. -#}
{% macro landed_last(relation, key, columns, where=none) -%}
    select
        {{ columns | join(",\n        ") }}
    from (
        select
            {{ columns | join(",\n            ") }},
            row_number() over (
                partition by {{ key | join(", ") }}
                order by {{ newest_first('rows_landed') }}
            ) as _recency
        from {{ relation }} as rows_landed
        {{ "where " ~ where if where }}
    ) as landed
    where _recency = 1
{%- endmacro %}


{#-
  The same of a table in which nearly every key occurs once, as lines of sales do: only rows whose key occurs more often
  are put in order. The others go through as they lie, in a fraction of the time and of the memory.
-#}
{% macro landed_last_of_few(relation, key, columns, where=none) -%}
    {%- set own %}{% for column in columns %}rows_landed.{{ column }}{{ ", " if not loop.last }}{% endfor %}{% endset -%}
    {%- set repeated -%}
        select {{ key | join(", ") }} from {{ relation }} as rows_landed
        {{ "where " ~ where if where }}
        group by {{ key | join(", ") }} having count(*) > 1
    {%- endset -%}
    select {{ own }}
    from {{ relation }} as rows_landed
    left join ({{ repeated }}) as repeated on {{ same_key('repeated', 'rows_landed', key) }}
    where repeated.{{ key[0] }} is null {{ "and " ~ where if where }}

    union all

    select {{ columns | join(", ") }}
    from (
        select
            {{ own }},
            row_number() over (
                partition by {% for column in key %}rows_landed.{{ column }}{{ ", " if not loop.last }}{% endfor %}
                order by {{ newest_first('rows_landed') }}
            ) as _recency
        from {{ relation }} as rows_landed
        inner join ({{ repeated }}) as repeated on {{ same_key('repeated', 'rows_landed', key) }}
        {{ "where " ~ where if where }}
    ) as landed
    where _recency = 1
{%- endmacro %}
