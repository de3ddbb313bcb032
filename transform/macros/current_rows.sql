{#
  The rows of a raw file table that are current, with all its columns.

  A row is current while it comes from its file's current version (equal bucket, key and etag)
  and neither it nor the file is deleted. What a file no longer holds therefore disappears
  without anybody having to delete it, and a version that could not be read changes nothing.
#}
{% macro current_rows(relation) -%}
    select records.*
    from {{ relation }} as records
    inner join {{ ref('stg_files__files') }} as files
        on
            records._sdc_source_bucket = files.bucket
            and records._sdc_source_file = files.source_file
            and records._sdc_source_etag = files.current_etag
    where
        records._sdc_deleted_at is null
        and files.deleted_at is null
{%- endmacro %}
