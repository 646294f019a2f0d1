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
