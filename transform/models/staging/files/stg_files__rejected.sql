with

rejected as (

    {{ rejected_rows(
        [
            source('files', 'artists__rejected'),
            source('files', 'lyrics__rejected'),
            source('files', 'meetups__rejected'),
        ],
        {
            '_sdc_source_bucket': 'text',
            '_sdc_source_file': 'text',
            '_sdc_source_etag': 'text',
            '_sdc_source_lineno': 'bigint',
        },
    ) }}

),

files as (

    select * from {{ ref('stg_files__files') }}

),

-- A fault stands while its file's newest version has it, also where an older one stays current.
standing as (

    select
        rejected.stream_name,
        rejected.source_key,
        rejected.error_path,
        rejected.error_code,
        rejected.error_message,
        rejected._sdc_rejected_at as rejected_at,
        rejected._sdc_source_bucket as source_bucket,
        rejected._sdc_source_file as source_file,
        rejected._sdc_source_lineno as source_line
    from rejected
    inner join files
        on
            rejected._sdc_source_bucket = files.bucket
            and rejected._sdc_source_file = files.source_file
            and rejected._sdc_source_etag = files.newest_etag
    where files.deleted_at is null

)

select * from standing
