{#- Every version ends after it begins. -#}
{% test interval_not_inverted(model) %}
    select valid_from, valid_to
    from {{ model }}
    where valid_to <= valid_from
{% endtest %}

{#- No two versions of one member are valid at the same moment. -#}
{% test intervals_do_not_overlap(model, key) %}
    select {{ key }}, valid_to, next_from
    from (
        select
            {{ key }},
            valid_to,
            lead(valid_from) over (partition by {{ key }} order by valid_from, valid_to) as next_from
        from {{ model }}
    ) as versions
    where next_from < valid_to
{% endtest %}

{#- A member has at most one current version, and it is the open one. -#}
{% test at_most_one_current(model, key) %}
    select {{ key }}, count(*) as current_versions
    from {{ model }}
    where is_current or valid_to = {{ end_of_time() }}
    group by {{ key }}
    having count(*) > 1
        or count(case when is_current and valid_to = {{ end_of_time() }} then 1 end) <> count(*)
{% endtest %}
