with

rejected as (

    {{ rejected_rows(
        [
            source('mongo', 'artists__rejected'),
            source('mongo', 'lyrics__rejected'),
            source('mongo', 'meetups__rejected'),
            source('mongo', 'registrations__rejected'),
            source('mongo', 'plays__rejected'),
        ],
        {'_sdc_lsn': 'bigint'},
    ) }}

),

renamed as (

    select
        stream_name,
        source_key,
        error_path,
        error_code,
        error_message,
        _sdc_lsn as source_version,
        _sdc_rejected_at as rejected_at
    from rejected

)

select * from renamed
