{% test valid_history(model, natural_key) %}
-- An interval that ends before it begins, overlaps the next, or a second current version of one key.
with ordered as (
  select {{ natural_key }}, valid_from, valid_to, is_current,
         lead(valid_from) over (partition by {{ natural_key }} order by valid_from) as next_from,
         sum(case when is_current then 1 else 0 end) over (partition by {{ natural_key }}) as current_versions
  from {{ model }}
)
select * from ordered where valid_to <= valid_from or valid_to > next_from or current_versions > 1
{% endtest %}

{% test unique_together(model, columns) %}
select {{ columns | join(', ') }} from {{ model }} group by {{ columns | join(', ') }} having count(*) > 1
{% endtest %}
