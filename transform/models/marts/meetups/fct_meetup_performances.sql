with

performances as (

    select * from {{ ref('int_meetups__performances_united') }}

),

final as (

    select
        meetup_id,
        lyric_id,
        artist_id,
        position,
        started_at
    from performances

)

select * from final
