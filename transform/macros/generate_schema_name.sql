{#
  A schema is called what its room is called, in every environment: environments are databases.
  What readers see is built aside first (macros/publishing.sql).
#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {%- set schema = (custom_schema_name or target.schema) | trim -%}
    {{ "publishing" if var("aside") and schema in ("marts", "restricted") else schema }}
{%- endmacro %}
