with

artists as (

    select * from {{ ref('stg_files__artists') }}

),

deduplicated as (

    {{ deduplicated('artists', 'artist_id') }}

),

final as (

    select
        artist_id,
        name,
        country,
        spotify_url,
        birth_date,
        debut_date,
        updated_at,
        source_bucket,
        source_file
    from deduplicated

)

select * from final
