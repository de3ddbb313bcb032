{#
  How a build that is published relates to what readers see now (docs/decisions/0013).

  `mixtape build` sets the variable `aside`: marts are then built and tested in schema
  `publishing`, and moved or merged into place at once. Marts that grow hold only what changed,
  unless the build is a full refresh. Without `aside` dbt builds every mart whole and in place.
#}

{# Whether marts that grow are made of what changed alone. #}
{% macro merging() -%}
    {{ return(var("aside") and not flags.FULL_REFRESH) }}
{%- endmacro %}

{# The table of that name as readers see it now. #}
{% macro published(name) -%}
    {{ return(api.Relation.create(database=target.database, schema="marts", identifier=name)) }}
{%- endmacro %}

{# What the published rows were made of: a row for each load. #}
{% macro loads_published() -%}
    {{ return(
        api.Relation.create(
            database=target.database, schema="publishing", identifier="loads_published"
        )
    ) }}
{%- endmacro %}

{#
  A condition on rows of a raw stream: those that a load touched which is not published yet.

  Rows carry the time at which their load batched them, and a load begins before its first
  batch, by one clock; so nothing is missed, however late a load's transactions were committed.
  The time is put in as a literal, for the planner to know that it is few rows.
#}
{% macro touched_since_published(feed, stream) -%}
    {%- if not merging() -%}
        true
    {%- else -%}
        {%- set since = loaded_since(feed, stream) -%}
        {{ "batched_at >= '" ~ since ~ "'::timestamptz" if since else "false" }}
    {%- endif -%}
{%- endmacro %}

{# When the first load of a stream began that is not published yet; none if there is none. #}
{% macro loaded_since(feed, stream) -%}
    {%- if execute -%}
        {%- set found = run_query(
            "select min(started_at)::text from " ~ ref("int_loads__loads_changed")
            ~ " where feed = '" ~ feed ~ "' and stream_name = '" ~ stream ~ "'"
            ~ " and rows_inserted + rows_updated + rows_deleted > 0"
        ) -%}
        {{ return(found.columns[0][0]) }}
    {%- endif -%}
{%- endmacro %}
