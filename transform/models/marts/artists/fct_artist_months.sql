{{ config(indexes=[{'columns': ['month_start']}]) }}

with

months as (

    select * from {{ ref('int_artists__months_counted') }}

),

final as (

    select
        artist_id,
        month_start,
        release_count,
        feature_count,
        written_count,
        performance_count,
        play_count,
        (
            sum(release_count) over (partition by artist_id order by month_start)
        )::integer as running_release_count,
        (
            sum(play_count) over (partition by artist_id order by month_start)
        )::bigint as running_play_count
    from months

)

select * from final
