{#
  The rows of all quarantine tables among `relations` that the database has, one after another:
  such a table is made with its first reject. `lineage` has the name and the type of each column
  that says where a fault is.
#}
{% macro rejected_rows(relations, lineage) -%}
    {%- set none_of = [] -%}
    {%- for column, type in lineage.items() -%}
        {%- do none_of.append("null::" ~ type ~ " as " ~ column) -%}
    {%- endfor -%}
    select
        null::text as stream_name,
        null::text as source_key,
        null::text as error_path,
        null::text as error_code,
        null::text as error_message,
        {{ none_of | join(",\n        ") }},
        null::timestamptz as _sdc_rejected_at
    where false
    {%- for relation in relations if is_loaded(relation) %}
    union all
    select
        '{{ relation.identifier.removesuffix("__rejected") }}' as stream_name,
        source_key,
        error_path,
        error_code,
        error_message,
        {{ lineage | join(",\n        ") }},
        _sdc_rejected_at
    from {{ relation }}
    where _sdc_deleted_at is null
    {%- endfor %}
{%- endmacro %}
