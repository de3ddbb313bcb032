-- The lyrics that were played most.
select
    lyrics.title,
    lyrics.album,
    sum(lyric_days.play_count) as plays,
    sum(lyric_days.played_minutes) as played_minutes,
    max(lyric_days.played_on) as last_played_on
from fct_lyric_days as lyric_days
inner join dim_lyrics as lyrics on lyric_days.lyric_id = lyrics.lyric_id
group by lyrics.lyric_id, lyrics.title, lyrics.album
order by plays desc, lyrics.title asc
limit 20
