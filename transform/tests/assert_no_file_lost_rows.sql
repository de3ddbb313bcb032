{{ config(group="scene") }}

-- What the tap read of each file's current version is what staging shows of it: neither a row lost
-- on the way nor one twice. Documents of one entity in one file are one row, so fewer may be there.
with

files as (

    select * from {{ ref('stg_files__files') }}

),

shown as (

    select
        source_bucket,
        source_file
    from {{ ref('stg_files__artists') }}
    union all
    select
        source_bucket,
        source_file
    from {{ ref('stg_files__lyrics') }}
    union all
    select
        source_bucket,
        source_file
    from {{ ref('stg_files__meetups') }}

),

counted as (

    select
        source_bucket,
        source_file,
        count(*) as row_count
    from shown
    group by source_bucket, source_file

),

compared as (

    select
        files.bucket,
        files.source_file,
        files.row_count,
        coalesce(counted.row_count, 0) as shown_row_count
    from files
    left join counted
        on files.bucket = counted.source_bucket and files.source_file = counted.source_file
    where files.is_newest_current and files.deleted_at is null

)

select * from compared
where
    shown_row_count > row_count
    or (shown_row_count = 0 and row_count > 0)
