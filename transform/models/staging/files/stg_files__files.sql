with

files as (

    select * from {{ source('files', '_files') }}

),

renamed as (

    select
        bucket,
        key as source_file,
        etag as current_etag,
        seen_etag as newest_etag,
        size as size_bytes,
        rows as row_count,
        rejected as rejected_count,
        last_modified as last_modified_at,
        seen_at,
        coalesce(etag = seen_etag, false) as is_newest_current,
        coalesce(deleted_at, _sdc_deleted_at) as deleted_at
    from files

)

select * from renamed
