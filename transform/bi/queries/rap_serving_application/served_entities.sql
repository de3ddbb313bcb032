-- How many of each entity the application should be able to serve.
select
    'artists' as entity,
    count(*) as entities,
    max(updated_at) as last_updated_at
from dim_artists
union all
select
    'lyrics' as entity,
    count(*) as entities,
    max(updated_at) as last_updated_at
from dim_lyrics
union all
select
    'meetups' as entity,
    count(*) as entities,
    max(updated_at) as last_updated_at
from dim_meetups
order by entity
