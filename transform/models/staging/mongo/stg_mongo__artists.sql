with

artists as (

    {{ rows_if_loaded(source('mongo', 'artists')) }}

),

renamed as (

    select
        artist_id,
        name,
        country,
        spotify_url,
        birth_date,
        debut_date,
        updated_at,
        _sdc_lsn as source_version,
        _id as document_id
    from artists
    where _sdc_deleted_at is null

)

select * from renamed
