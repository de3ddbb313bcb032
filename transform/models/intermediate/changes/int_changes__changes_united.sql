-- depends_on: {{ ref('int_loads__loads_changed') }}
with

{% for collection in ['artists', 'lyrics', 'meetups', 'registrations', 'plays'] -%}
    {{ collection }}_changes as (

        select * from {{ ref('stg_mongo__' ~ collection ~ '_changes') }}
        where {{ touched_since_published('mongo', collection ~ '__changes') }}

    ),

{% endfor -%}
united as (

    {% for collection in ['artists', 'lyrics', 'meetups', 'registrations', 'plays'] -%}
        select
            *,
            '{{ collection }}' as collection
        from {{ collection }}_changes
        {% if not loop.last %}union all{% endif %}
    {% endfor %}

),

timed as (

    select
        collection,
        change_id,
        document_id,
        operation_type,
        changed_at,
        batched_at as loaded_at,
        extract(epoch from batched_at - changed_at)::numeric(14, 3) as seconds_to_load
    from united

)

select * from timed
