{#-
  The type-2 history of a change log, computed from the whole log, so that it doesn't depend on the order in which
  entries arrived. One row a version: the key, its attributes, valid_from, valid_to, is_current.

  Of entries with the same key and time the one landed last counts. An entry equal to the one before it makes no
  version. A deleting entry ends the version; the next entry that doesn't delete begins another, whatever it says.

  touched: relation of the members to work out. deleted: the boolean column that marks a deletion, or none where the
  dataset has no such column.
-#}
{% macro versions(relation, key, attributes, touched, deleted=none) -%}
    select
        {{ key }},
        {{ attributes | join(",\n        ") }},
        valid_from,
        valid_to,
        valid_to = {{ end_of_time() }} as is_current
    from (
        select
            {{ key }},
            {{ attributes | join(",\n            ") }},
            _is_deleted,
            updated_at as valid_from,
            coalesce(
                lead(updated_at) over (partition by {{ key }} order by updated_at), {{ end_of_time() }}
            ) as valid_to
        from (
            select
                *,
                lag(_is_deleted) over (partition by {{ key }} order by updated_at) as _was_deleted
                {%- for attribute in attributes %},
                lag({{ attribute }}) over (partition by {{ key }} order by updated_at) as _was_{{ attribute }}
                {%- endfor %}
            from (
                select
                    {{ key }},
                    updated_at,
                    {{ attributes | join(",\n                    ") }},
                    {{ "coalesce(" ~ deleted ~ ", false)" if deleted else "false" }} as _is_deleted
                from (
                    {{ landed_last(relation, [key, "updated_at"],
                        [key, "updated_at"] + attributes + ([deleted] if deleted else []),
                        where=key ~ " in (select " ~ key ~ " from " ~ touched ~ ")") }}
                ) as entries
            ) as history
        ) as compared
        where _was_deleted is null
            or _was_deleted <> _is_deleted
            or (not _is_deleted and not (
                {%- for attribute in attributes %}
                {{ "and " if not loop.first }}({{ is_same(attribute, "_was_" ~ attribute) }})
                {%- endfor %}
            ))
    ) as changes
    where not _is_deleted
{%- endmacro %}


{#-
  Of the touched members, those that facts name and no version describes, as open versions since 1900. What a
  correction has taken back names nobody.

  Nearly all members are known, so the few ids that are not are found first, and only the facts with one of them
  are asked for their latest correction.

  known: relation of the versions of touched members; touched: relation of their ids; facts: {dataset: its key}.
-#}
{% macro inferred(known, key, touched, facts) -%}
    select distinct
        {{ key }},
        {{ inferred_since() }} as valid_from,
        {{ end_of_time() }} as valid_to
    from (
        {%- for dataset, grain in facts.items() %}
        {{ "union all" if not loop.first }}
        select {{ key }}
        from (
            select
                facts.{{ key }},
                row_number() over (
                    partition by {% for column in grain %}facts.{{ column }}{{ ", " if not loop.last }}{% endfor %}
                    order by {{ newest_first('facts') }}
                ) as _recency
            from {{ source('raw', dataset) }} as facts
            inner join (
                select distinct facts.{{ grain[0] }}
                from {{ source('raw', dataset) }} as facts
                inner join ({{ strangers(known, key, touched) }}) as strangers on strangers.{{ key }} = facts.{{ key }}
            ) as naming on naming.{{ grain[0] }} = facts.{{ grain[0] }}
        ) as latest
        where _recency = 1
        {%- endfor %}
    ) as named
    where {{ key }} in ({{ strangers(known, key, touched) }})
{%- endmacro %}

{% macro strangers(known, key, touched) -%}
    select touched.{{ key }}
    from {{ touched }} as touched
    left join (select distinct {{ key }} from {{ known }}) as known on known.{{ key }} = touched.{{ key }}
    where known.{{ key }} is null
{%- endmacro %}


{#-
  For each version of a dimension, the time in which a fact looks it up: half-open, without gaps. The first version
  also answers for all time before it, and each answers until the next begins, so also while its member is deleted.
-#}
{% macro lookup(dimension, name) -%}
    select
        {{ name }}_key,
        {{ name }}_id,
        case
            when row_number() over (partition by {{ name }}_id order by valid_from) = 1 then {{ start_of_time() }}
            else valid_from
        end as looked_up_from,
        coalesce(
            lead(valid_from) over (partition by {{ name }}_id order by valid_from), {{ end_of_time() }}
        ) as looked_up_to
    from {{ dimension }}
{%- endmacro %}


{#- Join condition of a fact with a `lookup`. -#}
{% macro looked_up(fact, name, moment) -%}
    {{ fact }}.{{ name }}_id = {{ name }}.{{ name }}_id
        and {{ fact }}.{{ moment }} >= {{ name }}.looked_up_from
        and {{ fact }}.{{ moment }} < {{ name }}.looked_up_to
{%- endmacro %}
