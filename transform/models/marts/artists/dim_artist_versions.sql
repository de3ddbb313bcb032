with

history as (

    select * from {{ ref('artists_history') }}

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
        dbt_valid_to is null as is_current,
        dbt_valid_from at time zone 'UTC' as valid_from,
        dbt_valid_to at time zone 'UTC' as valid_to
    from history

)

select * from final
