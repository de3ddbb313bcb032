{#
  One row for each value of `key` out of `relation`, where several files may speak of one entity.

  The later `updated_at` wins; where that is equal the later source version, then the file whose
  name comes first. Text is compared byte by byte, so that no server's locale decides.
#}
{% macro deduplicated(relation, key) -%}
    select distinct on ({{ key }}) *
    from {{ relation }}
    order by
        {{ key }} asc,
        updated_at desc,
        source_version desc,
        source_file collate "C" asc,
        source_bucket collate "C" asc
{%- endmacro %}
