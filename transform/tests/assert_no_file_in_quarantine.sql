{{ config(group="scene", severity="warn") }}

-- Files whose newest version has faults. A warning: everything else in the warehouse is current.
select
    source_bucket,
    source_file,
    count(*) as fault_count
from {{ ref('stg_files__rejected') }}
group by source_bucket, source_file
