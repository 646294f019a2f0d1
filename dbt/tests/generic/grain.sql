{#- The columns together identify a row. -#}
{% test unique_together(model, columns) %}
    select {{ columns | join(", ") }}, count(*) as repeats
    from {{ model }}
    group by {{ columns | join(", ") }}
    having count(*) > 1
{% endtest %}

{#- Wherever the column has a value, so has the key that stands for it. -#}
{% test resolved(model, column_name, key) %}
    select {{ column_name }}
    from {{ model }}
    where {{ column_name }} is not null and {{ key }} is null
{% endtest %}
