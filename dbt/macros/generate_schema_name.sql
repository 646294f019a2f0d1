{#- The schemas' names are the same in every environment: core is core, not <target>_core. -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ (custom_schema_name or target.schema) | trim }}
{%- endmacro %}
