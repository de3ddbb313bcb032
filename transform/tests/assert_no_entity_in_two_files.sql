{{ config(group="scene", severity="warn") }}

-- Entities that several files tell of. A warning: one of them speaks (macro `deduplicated`).
{%- set entities = {
    "stg_files__artists": "artist_id",
    "stg_files__lyrics": "lyric_id",
    "stg_files__meetups": "meetup_id",
} %}

with

{% for model, key in entities.items() -%}
    {{ model }} as (

        select
            '{{ key }}' as key_name,
            {{ key }} as entity_id,
            source_file
        from {{ ref(model) }}

    ){{ "," if not loop.last }}

{% endfor -%}
select
    key_name,
    entity_id,
    count(*) as file_count,
    min(source_file) as first_file,
    max(source_file) as last_file
from (
    {% for model in entities -%}
        select * from {{ model }}
        {% if not loop.last %}union all{% endif %}
    {% endfor %}
) as told
group by key_name, entity_id
having count(*) > 1
