{{ config(group="pipeline") }}

-- A table that is empty although loads put rows into it. Deleted rows stay, marked, so whatever
-- emptied it was not a load.
{%- set streams = [
    ("files", "artists"),
    ("files", "lyrics"),
    ("files", "lyric_credits"),
    ("files", "meetups"),
    ("files", "performances"),
    ("mongo", "artists"),
    ("mongo", "lyrics"),
    ("mongo", "meetups"),
    ("mongo", "registrations"),
    ("mongo", "plays"),
] %}

with

loads as (

    select * from {{ ref('int_loads__loads_united') }}

),

{% for feed, stream in streams -%}
    {{ feed }}_{{ stream }} as (

        {{ rows_if_loaded(source(feed, stream)) }}

    ),

{% endfor -%}
filled as (

    select
        feed,
        stream_name,
        sum(rows_inserted) as inserted_row_count
    from loads
    group by feed, stream_name
    having sum(rows_inserted) > 0

),

empty as (

    {% for feed, stream in streams -%}
        select
            '{{ feed }}' as feed,
            '{{ stream }}' as stream_name
        where not exists (select from {{ feed }}_{{ stream }})
        {% if not loop.last %}union all{% endif %}
    {% endfor %}

)

select filled.*
from filled
inner join empty on filled.feed = empty.feed and filled.stream_name = empty.stream_name
