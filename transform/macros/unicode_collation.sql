{#
  A collation that knows the upper and lower case of every script, whatever the database's own
  locale: PostgreSQL's built-in one, and ICU's root before version 17 brought that.
#}
{% macro unicode_collation() -%}
    {%- if execute and run_query("show server_version_num").columns[0][0] | int < 170000 -%}
        "und-x-icu"
    {%- else -%}
        "pg_c_utf8"
    {%- endif -%}
{%- endmacro %}
