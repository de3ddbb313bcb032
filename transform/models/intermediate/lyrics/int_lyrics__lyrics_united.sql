with

from_files as (

    select * from {{ ref('stg_files__lyrics') }}

),

from_mongo as (

    select * from {{ ref('stg_mongo__lyrics') }}

),

candidates as (

    select
        lyric_id,
        title,
        lyrics,
        album,
        label,
        language,
        video_url,
        notes,
        released_date,
        updated_at,
        source_bucket,
        source_file,
        source_line,
        source_version,
        'files' as feed
    from from_files
    union all
    select
        lyric_id,
        title,
        lyrics,
        album,
        label,
        language,
        video_url,
        notes,
        released_date,
        updated_at,
        '' as source_bucket,
        document_id as source_file,
        1 as source_line,
        source_version,
        'mongo' as feed
    from from_mongo

),

deduplicated as (

    {{ deduplicated('candidates', 'lyric_id') }}

),

final as (

    select
        lyric_id,
        title,
        lyrics,
        album,
        label,
        language,
        video_url,
        notes,
        released_date,
        updated_at,
        feed,
        source_bucket,
        source_file,
        source_line,
        encode(sha256(convert_to(lyrics, 'UTF8')), 'hex') as text_digest
    from deduplicated

)

select * from final
