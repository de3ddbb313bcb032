{{ config(
    indexes=[{'columns': ['loaded_at']}, {'columns': ['changed_at']}],
    meta={'merge': {'key': ['collection', 'change_id'], 'changed': 'fct_rap_changes'}},
) }}

with

changes as (

    select * from {{ ref('int_changes__changes_united') }}

),

final as (

    select
        collection,
        change_id,
        document_id,
        operation_type,
        seconds_to_load,
        changed_at,
        loaded_at
    from changes

)

select * from final
