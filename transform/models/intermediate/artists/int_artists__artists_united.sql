with

from_files as (

    select * from {{ ref('stg_files__artists') }}

),

from_mongo as (

    select * from {{ ref('stg_mongo__artists') }}

),

candidates as (

    select
        artist_id,
        name,
        country,
        spotify_url,
        birth_date,
        debut_date,
        updated_at,
        source_bucket,
        source_file,
        source_line,
        source_version,
        'files' as feed
    from from_files
    union all
    select
        artist_id,
        name,
        country,
        spotify_url,
        birth_date,
        debut_date,
        updated_at,
        '' as source_bucket,
        document_id as source_file,
        1 as source_line,
        source_version,
        'mongo' as feed
    from from_mongo

),

deduplicated as (

    {{ deduplicated('candidates', 'artist_id') }}

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
        feed,
        source_bucket,
        source_file
    from deduplicated

)

select * from final
