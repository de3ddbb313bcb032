with

from_files as (

    select * from {{ ref('stg_files__meetups') }}

),

from_mongo as (

    select * from {{ ref('stg_mongo__meetups') }}

),

candidates as (

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
        source_line,
        source_version,
        'files' as feed
    from from_files
    union all
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
        '' as source_bucket,
        document_id as source_file,
        1 as source_line,
        source_version,
        'mongo' as feed
    from from_mongo

),

deduplicated as (

    {{ deduplicated('candidates', 'meetup_id') }}

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
        feed,
        source_bucket,
        source_file,
        source_line
    from deduplicated

)

select * from final
