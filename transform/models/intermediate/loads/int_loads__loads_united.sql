{{ config(materialized='view') }}

with

from_files as (

    select * from {{ ref('stg_files__loads') }}

),

from_mongo as (

    select * from {{ ref('stg_mongo__loads') }}

),

united as (

    select
        *,
        'files' as feed
    from from_files
    union all
    select
        *,
        'mongo' as feed
    from from_mongo

)

select * from united
