-- The artists who were played most, with all that they did.
select
    artists.name as artist,
    artists.country,
    sum(artist_months.play_count) as plays,
    sum(artist_months.release_count) as releases,
    sum(artist_months.performance_count) as performances
from fct_artist_months as artist_months
inner join dim_artists as artists on artist_months.artist_id = artists.artist_id
group by artists.artist_id, artists.name, artists.country
order by plays desc, artist asc
limit 20
