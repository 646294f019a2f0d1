{#-
  The rows of a dataset, one for each key: the one landed last. Later batches have later times, and within a batch
  the later row wins.
-#}
{% macro landed_last(relation, key, columns) -%}
    select
        {{ columns | join(",\n        ") }}
    from (
        select
            {{ columns | join(",\n            ") }},
            row_number() over (
                partition by {{ key | join(", ") }}
                order by _ingested_at desc, _batch_id desc, _row_number desc
            ) as _recency
        from {{ relation }}
    ) as landed
    where _recency = 1
{%- endmacro %}
