{{ config(indexes=[{'columns': ['play_id'], 'unique': True}]) }}

-- depends_on: {{ ref('int_loads__loads_changed') }}
with

documents as (

    select * from {{ ref('stg_mongo__plays') }}
    where play_id is not null

),

touched as (

    select distinct play_id
    from documents
    where {{ touched_since_published('mongo', 'plays') }}

),

candidates as (

    select
        documents.*,
        documents.deleted_at is null as is_live
    from documents
    inner join touched on documents.play_id = touched.play_id

),

deduplicated as (

    {{ deduplicated('candidates', 'play_id', order_by=[
        'is_live desc', 'source_version desc', 'document_id collate "C" asc'
    ]) }}

),

final as (

    select
        play_id,
        lyric_id,
        artist_id,
        country,
        client,
        duration_ms,
        is_live,
        played_at,
        (played_at at time zone 'UTC')::date as played_on
    from deduplicated

)

select * from final
