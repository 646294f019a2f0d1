{#-
  Materialization: replace all rows of a table that the package has declared and made, in one transaction. The
  table keeps its types, its NOT NULLs, its comments and its layout; a process killed on the way changes nothing.
  It is an error when the model's columns are not the table's. `workbench/transform/replay.py` fills tables likewise.
-#}
{% materialization declared, default %}
    {%- set relation = this.incorporate(type='table') -%}
    {%- if load_cached_relation(this) is none -%}
        {% do exceptions.raise_compiler_error("there is no table " ~ this.schema ~ "." ~ this.identifier
            ~ "; make it with: workbench init") %}
    {%- endif -%}

    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}

    {%- set columns = get_list_of_column_names(adapter.get_columns_in_relation(relation)) -%}
    {%- set selected = get_list_of_column_names(get_column_schema_from_query(compiled_code)) -%}
    {%- if columns | map('lower') | list != selected | map('lower') | list -%}
        {% do exceptions.raise_compiler_error("the model selects (" ~ selected | join(", ")
            ~ ") but the table is declared with (" ~ columns | join(", ") ~ ")") %}
    {%- endif -%}

    {% call statement('clear') -%}
        delete from {{ relation }}
    {%- endcall %}
    {% call statement('main') -%}
        insert into {{ relation }} ({{ columns | map('tojson') | join(", ") }})
        {{ compiled_code }}
    {%- endcall %}

    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {{ adapter.commit() }}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({'relations': [relation]}) }}
{% endmaterialization %}
