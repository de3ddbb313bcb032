{{ config(group="scene") }}
-- depends_on: {{ ref('int_loads__loads_changed') }}

-- Plays that came without an id, in the loads that are not published yet: they would be lost, and
-- the play that such a document was before would stay.
select
    document_id,
    source_version,
    batched_at
from {{ ref('stg_mongo__plays') }}
where
    play_id is null
    and deleted_at is null
    and {{ touched_since_published('mongo', 'plays') }}
