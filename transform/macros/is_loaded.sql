{#
  Whether the database has a raw table now. While dbt only parses, it counts as there, so that the
  lineage is whole.

  The database is asked each time, not dbt's cache of relations: that is filled with a source's
  schema table by table while other threads already read it, and a table that is not in it yet
  would be taken for absent and its rows for none.
#}
{% macro is_loaded(relation) -%}
    {%- if not execute -%}
        {{ return(true) }}
    {%- endif -%}
    {%- set name = dbt.string_literal(relation.include(database=false) | string) -%}
    {%- set found = run_query("select to_regclass(" ~ name ~ ") is not null") -%}
    {{ return(found.rows[0][0]) }}
{%- endmacro %}
