{#
  All rows of a raw table; none, of the declared columns and types, where the table is not there.

  A feed's tables are made by its first load, and the warehouse is built before that too.
#}
{% macro rows_if_loaded(relation) -%}
    {%- set declared = none if not execute else graph.sources.values()
        | selectattr("schema", "equalto", relation.schema)
        | selectattr("identifier", "equalto", relation.identifier)
        | first -%}
{%- if declared and not is_loaded(relation) -%}
        select
            {% for column in declared.columns.values() -%}
                null::{{ column.data_type }} as {{ adapter.quote(column.name) }}
                {{- "," if not loop.last }}
            {% endfor %}
        where false
    {%- else -%}
select * from {{ relation }}
{%- endif -%}
{%- endmacro %}
