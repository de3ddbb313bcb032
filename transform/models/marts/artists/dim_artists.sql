with

artists as (

    select * from {{ ref('int_artists__artists_united') }}

),

final as (

    select
        artist_id,
        name,
        country,
        spotify_url,
        birth_date,
        debut_date,
        updated_at
    from artists

)

select * from final
