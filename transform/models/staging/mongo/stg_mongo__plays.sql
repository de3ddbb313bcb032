-- In one piece: PostgreSQL cannot look into a view that has a CTE, and joins to it would read all
-- plays, where an index finds those of the last load.
select
    play_id,
    lyric_id,
    artist_id,
    country,
    client,
    duration_ms,
    played_at,
    _sdc_lsn as source_version,
    _id as document_id,
    _sdc_batched_at as batched_at,
    _sdc_deleted_at as deleted_at
from (
    {{ rows_if_loaded(source('mongo', 'plays')) }}
) as plays
