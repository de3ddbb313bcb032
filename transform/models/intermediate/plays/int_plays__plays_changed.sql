{{ config(indexes=[{'columns': ['play_id'], 'unique': True}]) }}

-- depends_on: {{ ref('int_loads__loads_changed') }}
with

documents as (

    select * from {{ ref('stg_mongo__plays') }}
    where play_id is not null

),

{% if merging() -%}
-- By themselves, not from the documents: a CTE that two others read is written aside whole.
touched as (

    select
        play_id,
        document_id
    from {{ ref('stg_mongo__plays') }}
    where {{ touched_since_published('mongo', 'plays') }}

),

published as (

    select * from {{ published('fct_plays') }}

),

-- The plays that touched documents speak of, and those they spoke of before.
affected as (

    select play_id
    from touched
    where play_id is not null
    union distinct
    select published.play_id
    from published
    inner join touched on published.document_id = touched.document_id

),

{% endif -%}
candidates as (

    select
        {{ 'affected' if merging() else 'documents' }}.play_id,
        documents.lyric_id,
        documents.artist_id,
        documents.document_id,
        documents.country,
        documents.client,
        documents.duration_ms,
        documents.played_at,
        documents.source_version,
        (documents.played_at at time zone 'UTC')::date as played_on,
        documents.document_id is not null and documents.deleted_at is null as is_live
    {% if merging() -%}
        from affected
        left join documents on affected.play_id = documents.play_id
    {%- else -%}
        from documents
    {%- endif %}

),

deduplicated as (

    {{ deduplicated('candidates', 'play_id', order_by=[
        'is_live desc', 'source_version desc', 'document_id collate "C" asc'
    ]) }}

)

select * from deduplicated
