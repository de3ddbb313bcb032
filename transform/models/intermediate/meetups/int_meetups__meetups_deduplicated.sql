with

meetups as (

    select * from {{ ref('stg_files__meetups') }}

),

deduplicated as (

    {{ deduplicated('meetups', 'meetup_id') }}

),

final as (

    select
        meetup_id,
        title,
        host,
        timezone,
        venue,
        city,
        country,
        is_online,
        starts_at,
        ends_at,
        updated_at,
        source_bucket,
        source_file,
        source_line
    from deduplicated

)

select * from final
