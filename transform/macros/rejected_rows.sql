{#
  The rows of all quarantine tables among `relations` that the database has, one after another:
  such a table is made with its first reject. While dbt only parses, all count, so that the
  lineage is whole.
#}
{% macro rejected_rows(relations) -%}
    select
        null::text as stream_name,
        null::text as source_key,
        null::text as error_path,
        null::text as error_code,
        null::text as error_message,
        null::timestamptz as _sdc_rejected_at,
        null::text as _sdc_source_bucket,
        null::text as _sdc_source_file,
        null::text as _sdc_source_etag,
        null::bigint as _sdc_source_lineno
    where false
    {%- for relation in relations if not execute or load_relation(relation) %}
    union all
    select
        '{{ relation.identifier.removesuffix("__rejected") }}' as stream_name,
        source_key,
        error_path,
        error_code,
        error_message,
        _sdc_rejected_at,
        _sdc_source_bucket,
        _sdc_source_file,
        _sdc_source_etag,
        _sdc_source_lineno
    from {{ relation }}
    where _sdc_deleted_at is null
    {%- endfor %}
{%- endmacro %}
