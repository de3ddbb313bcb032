{{ config(indexes=[{'columns': ['play_id'], 'unique': True}]) }}

-- depends_on: {{ ref('int_loads__loads_changed') }}
with

-- Each reads the plays by itself: a CTE that two others read would be all plays, written aside.
touched as (

    select distinct play_id
    from {{ ref('stg_mongo__plays') }}
    where
        play_id is not null
        and {{ touched_since_published('mongo', 'plays') }}

),

candidates as (

    select
        documents.*,
        documents.deleted_at is null as is_live
    from {{ ref('stg_mongo__plays') }} as documents
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
