{#
  One row for each value of `key` out of `relation`, where several documents speak of one entity:
  the first by `order_by`.

  By default the later `updated_at` wins, whichever feed it comes from; where that is equal, files
  before mongo, then the later source version, then the document whose name comes first. Text is
  compared byte by byte, so that no server's locale decides.
#}
{% macro deduplicated(relation, key, order_by=none) -%}
    {%- set by_default = [
        "updated_at desc",
        'feed collate "C" asc',
        "source_version desc",
        'source_file collate "C" asc',
        'source_bucket collate "C" asc',
    ] -%}
    select distinct on ({{ key }}) *
    from {{ relation }}
    order by
        {{ key }} asc,
        {{ (order_by or by_default) | join(",\n        ") }}
{%- endmacro %}
