with

lyrics as (

    select * from {{ ref('stg_files__lyrics') }}

),

deduplicated as (

    {{ deduplicated('lyrics', 'lyric_id') }}

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
        source_bucket,
        source_file,
        source_line
    from deduplicated

)

select * from final
