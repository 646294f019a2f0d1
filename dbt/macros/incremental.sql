{#-
  Incremental models. `ops.watermarks` says up to which time of ingestion a model has worked raw rows in, and
  `staging.touched` which members, days, ... it must work out anew because a table that it reads has changed.
  A model that was never built, or whose table was emptied, takes everything: its watermark is the beginning of time.

  What stands between /*seen model*/ or /*until model*/ and /**/ is put in as a literal by `workbench run`, so that the
  engines skip old blocks of raw; what stands between /*later*/ and /*end later*/ it leaves out of the first build, for
  nothing is found there as long as the table is empty.
-#}

{#- Time of ingestion up to which the model has taken raw rows in. -#}
{% macro seen(name) -%}
    /*seen {{ name }}*/(
        select coalesce(max(watermarks.seen_until), {{ start_of_time() }})
        from {{ source('ops', 'watermarks') }} as watermarks where watermarks.model = '{{ name }}'
    )/**/
{%- endmacro %}

{#- Whether nothing is known of what the model's table holds. -#}
{% macro is_never_built(name) -%}
    {{ seen(name) }} = {{ start_of_time() }}
{%- endmacro %}

{#- Time of ingestion up to which the model takes raw rows in now. -#}
{% macro until(name) -%}
    /*until {{ name }}*/{{ end_of_time() }}/**/
{%- endmacro %}

{#- Whether a raw row is one that the model hasn't taken in yet. -#}
{% macro is_new(name, alias) -%}
    {{ alias }}._ingested_at > {{ seen(name) }} and {{ alias }}._ingested_at <= {{ until(name) }}
{%- endmacro %}

{#- What the model must work out anew, as text. -#}
{% macro touched(name, kind) -%}
    select touched.member from {{ source('staging', 'touched') }} as touched
    where touched.model = '{{ name }}' and touched.kind = '{{ kind }}'
{%- endmacro %}


{#-
  Ids of members of a dimension whose versions may have changed: those with new entries of their change log, those
  that something else touched, those that new facts name and the dimension doesn't know, and inferred ones that
  earlier rows of facts which landed again named.

  facts: {dataset: its key}
-#}
{% macro touched_members(dimension, dataset, key, facts) -%}
    select distinct {{ key }}
    from (
        select log.{{ key }}
        from {{ source('raw', dataset) }} as log
        where {{ is_new(dimension, 'log') }}

        union all

        {{ touched(dimension, dataset) }}
        {%- for fact, grain in facts.items() %}

        union all

        select named.{{ key }}
        from (
            select distinct facts.{{ key }} from {{ source('raw', fact) }} as facts
            where {{ is_new(dimension, 'facts') }}
        ) as named
        left join (
            select distinct {{ key }} from {{ ref_later(dimension) }} where not ({{ is_never_built(dimension) }})
        ) as known on known.{{ key }} = named.{{ key }}
        where known.{{ key }} is null

        union all

        select earlier.{{ key }}
        from {{ source('raw', fact) }} as earlier
        inner join (
            select distinct {{ key }} from {{ ref_later(dimension) }} where is_inferred
        ) as inferred on inferred.{{ key }} = earlier.{{ key }}
        inner join (
            select distinct facts.{{ grain[0] }} from {{ source('raw', fact) }} as facts
            where {{ is_new(dimension, 'facts') }}
        ) as landed_again on landed_again.{{ grain[0] }} = earlier.{{ grain[0] }}
        where earlier._ingested_at <= {{ seen(dimension) }}
        {%- endfor %}
    ) as members
    where {{ key }} is not null
{%- endmacro %}


{#-
  Beginnings of periods ('day', 'week', 'month', 'quarter') in which sales changed; all of them where the mart was never
  built. `is_whole` is 1 where they are to be worked out anew, and 0 where receipts came that nobody knew: theirs are added.
-#}
{% macro touched_periods(mart, period, name) -%}
    select {{ name }}, max(is_whole) as is_whole
    from (
        select {{ period_of('sold_on', period) }} as {{ name }}, 1 as is_whole
        from (
            select cast(days.member as date) as sold_on from ({{ touched(mart, 'day') }}) as days

            union all

            select facts.sale_date
            from {{ ref('fact_transactions') }} as facts
            inner join (
                select distinct cast(keys.member as bigint) as product_key
                from ({{ touched(mart, 'product_key') }}) as keys
            ) as products on products.product_key = facts.product_key

            union all

            select facts.sale_date
            from {{ ref('fact_transactions') }} as facts
            where {{ is_never_built(mart) }}
        ) as days
        /*later*/
        union all

        select {{ period_of('facts.sale_date', period) }}, 0
        from {{ ref('fact_transactions') }} as facts
        where facts.transaction_id in ({{ touched(mart, 'new') }})
        /*end later*/
    ) as periods
    group by {{ name }}
{%- endmacro %}

{% macro period_of(day, period) -%}
    {{ day if period == 'day' else "cast(" ~ dbt.date_trunc(period, day) ~ " as date)" }}
{%- endmacro %}

{#- The relation of a model as it is before its own build: dbt takes a `ref` for an order that would be a circle. -#}
{% macro ref_later(name) -%}
    {%- set schemas = {'dim': 'core', 'fact': 'core', 'return': 'core'} -%}
    {{ api.Relation.create(
        database=this.database, schema=schemas[name.split('_')[0]], identifier=name
    ) }}
{%- endmacro %}


{#- Keys of a fact's rows whose dimension keys may have changed. members: {dimension's dataset: column} -#}
{% macro moved_rows(fact, key, members) -%}
    {%- for dataset, column in members.items() %}
    {{ "union" if not loop.first }}
    select {{ key | join(", ") }} from {{ ref_later(fact) }}
    where {{ column }} in ({{ touched(fact, dataset) }})
    {%- endfor %}
{%- endmacro %}


{#-
  The rows that a fact is worked out from: those that landed since, as they landed last; those of the fact itself
  that are touched; and what is left of those of which a batch was withdrawn.

  key: of the fact; at: its time; moved: relation of the touched keys; stored: what landed columns are of which the fact
  has something else, as {column: SQL over `facts`}.
-#}
{% macro rows_to_build(fact, dataset, key, columns, at, moved, stored={}) -%}
    select landed.*
    from (
        {{ landed_last_of_few(source('raw', dataset), key, columns, where=is_new(fact, 'rows_landed')) }}
    ) as landed
    where landed.{{ at }} >= {{ first_of_all() }}
    /*later*/
    union all

    select {% for column in columns %}{{ stored.get(column, "facts." ~ column) }}{{ ", " if not loop.last }}{% endfor %}
    from (
        select facts.* from {{ this }} as facts inner join {{ moved }} as moved on {{ same_key('moved', 'facts', key) }}
    ) as facts
    left join (
        select distinct {{ key | join(", ") }} from {{ source('raw', dataset) }} as rows_landed
        where {{ is_new(fact, 'rows_landed') }}
    ) as landed_again on {{ same_key('landed_again', 'facts', key) }}
    left join (
        select distinct member from ({{ touched(fact, 'withdrawn') }}) as lost
    ) as withdrawn on withdrawn.member = facts.{{ key[0] }}
    where landed_again.{{ key[0] }} is null and withdrawn.member is null

    union all

    select left_over.*
    from (
        {{ landed_last(source('raw', dataset), key, columns,
            where="rows_landed." ~ key[0] ~ " in (" ~ touched(fact, 'withdrawn') ~ ") and rows_landed._ingested_at <= " ~ until(fact)) }}
    ) as left_over
    left join (
        select distinct {{ key | join(", ") }} from {{ source('raw', dataset) }} as rows_landed
        where {{ is_new(fact, 'rows_landed') }}
    ) as landed_again on {{ same_key('landed_again', 'left_over', key) }}
    where landed_again.{{ key[0] }} is null and left_over.{{ at }} >= {{ first_of_all() }}
    /*end later*/
{%- endmacro %}

{% macro same_key(left, right, key) -%}
    {% for column in key %}{{ left }}.{{ column }} = {{ right }}.{{ column }}{{ " and " if not loop.last }}{% endfor %}
{%- endmacro %}
