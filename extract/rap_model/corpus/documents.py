"""Generated rap documents: any number, each a function of the seed and its own number alone.

Nothing is remembered between documents. A meetup that performs lyric 71,204 works out its title
and lead artist again, so that a corpus of any size takes the same memory.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from random import Random
from typing import Any

from rap_model.corpus import vocabulary
from rap_model.identity import artist_id, derive_text
from rap_model.lyric import Role
from rap_model.meetup import Meetup
from rap_model.registration import Status

Document = dict[str, Any]

_MASK = 2**64 - 1
_PRIME = 1_000_003  # more than there are titles or names, so that it walks through all of them
_FIRST_DEBUT = date(2006, 1, 1)
_LAST_RELEASE = date(2025, 12, 31)
_FIRST_MEETUP = datetime(2017, 1, 1, 18, 30, tzinfo=UTC)
_LAST_MEETUP = datetime(2026, 6, 30, 18, 30, tzinfo=UTC)
_LYRICS_PER_ARTIST = 25
_LYRICS_PER_MEETUP = 100
_PLAYS_PER_LYRIC = 10
_SKEW = 2
"""The greater, the more of everything goes to the few most popular."""
_LANGUAGES = tuple(vocabulary.LANGUAGES)
_FOREIGN_EVERY = 3  # one artist in so many raps in another language than English
_NATIVE_EVERY = 2  # and of those, one in so many writes the name in it

_COUPLETS = {
    language: tuple(
        (couplet, len(couplet.encode()) + 1)
        for opening in openings
        for ending in endings
        for couplet in (f"{opening},\n{ending}",)
    )
    for language, (_, openings, endings) in vocabulary.LANGUAGES.items()
}


class Corpus:
    """A number of lyrics, and the artists, meetups, registrations and plays that go with them.

    Documents are as an author or an application would write them: artists by name, derived ids
    left out, times as text. Every one satisfies its model, and every reference leads to a
    document of the same corpus.
    """

    def __init__(self, lyrics: int, seed: int) -> None:
        if lyrics < 1:
            raise ValueError(f"a corpus has one lyric or more, not {lyrics}")
        self.seed = seed
        self.lyric_count = lyrics
        self.artist_count = max(5, lyrics // _LYRICS_PER_ARTIST)
        self.meetup_count = max(1, lyrics // _LYRICS_PER_MEETUP)
        self.play_count = lyrics * _PLAYS_PER_LYRIC
        self._names = lru_cache(maxsize=65536)(self._name)

    def artists(self) -> Iterator[Document]:
        """Yield the artists, the most popular first."""
        return map(self._artist, range(self.artist_count))

    def lyrics(self) -> Iterator[Document]:
        """Yield the lyrics."""
        return map(self._lyric, range(self.lyric_count))

    def meetups(self) -> Iterator[Document]:
        """Yield the meetups with their performances."""
        return map(self._meetup, range(self.meetup_count))

    def registrations(self) -> Iterator[Document]:
        """Yield the registrations of each meetup."""
        for number in range(self.meetup_count):
            yield from self._registrations(number)

    def plays(self) -> Iterator[Document]:
        """Yield the plays; few lyrics have most of them."""
        return map(self._play, range(self.play_count))

    def _chance(self, what: str, number: int) -> Random:
        """Return the source of chance of one document."""
        return Random(f"{self.seed}/{what}/{number}")  # noqa: S311 - repeatable on purpose

    def _draw(self, salt: int, number: int) -> float:
        """Return a number from 0 to 1 of the thing `number`: SplitMix64's last steps."""
        value = (number * 0x9E3779B97F4A7C15 + (self.seed * 64 + salt) * 0xD1B54A32D192ED03) & _MASK
        value = ((value ^ value >> 30) * 0xBF58476D1CE4E5B9) & _MASK
        value = ((value ^ value >> 27) * 0x94D049BB133111EB) & _MASK
        return (value ^ value >> 31) / 2**64

    def _popular(self, share: float, count: int) -> int:
        return int(share**_SKEW * count)

    def _name(self, number: int) -> str:
        language = self._language(number)
        first, last = vocabulary.FIRST_NAMES, vocabulary.LAST_NAMES
        if language != "en" and number % _NATIVE_EVERY:
            one, two = vocabulary.NATIVE_NAMES[language]
            return f"{one} {two} {number}"
        size = len(first) * len(last)
        turn, place = divmod(number, size)
        place = (place * _PRIME + self.seed) % size
        name = f"{first[place % len(first)]} {last[place // len(first)]}"
        return f"{name} {turn + 1}" if turn else name

    def _language(self, artist: int) -> str:
        if artist % _FOREIGN_EVERY != _FOREIGN_EVERY - 1:
            return "en"
        return _LANGUAGES[1 + artist // _FOREIGN_EVERY % (len(_LANGUAGES) - 1)]

    def _debut(self, artist: int) -> date:
        days = (_LAST_RELEASE - _FIRST_DEBUT).days * 3 // 4
        return _FIRST_DEBUT + timedelta(days=int(self._draw(1, artist) * days))

    def _lead(self, lyric: int) -> int:
        return self._popular(self._draw(2, lyric), self.artist_count)

    def _released(self, lyric: int) -> date:
        debut = self._debut(self._lead(lyric))
        share = self._draw(3, lyric) ** 0.7  # more of them lately
        return debut + timedelta(days=int(share * (_LAST_RELEASE - debut).days))

    def _title(self, lyric: int) -> str:
        verbs, adjectives, nouns = vocabulary.VERBS, vocabulary.ADJECTIVES, vocabulary.NOUNS
        turn, place = divmod(lyric, len(verbs) * len(adjectives) * len(nouns))
        place = (place * _PRIME + self.seed) % (len(verbs) * len(adjectives) * len(nouns))
        place, verb = divmod(place, len(verbs))
        noun, adjective = divmod(place, len(adjectives))
        title = f"{verbs[verb]} the {adjectives[adjective]} {nouns[noun]}"
        return f"{title} (Take {turn + 1})" if turn else title

    def _lyric_id(self, lyric: int) -> str:
        return derive_text("lyric", self._title(lyric), artist_id(self._names(self._lead(lyric))))

    def _artist(self, number: int) -> Document:
        chance = self._chance("artist", number)
        debut = self._debut(number)
        country, _, _ = vocabulary.LANGUAGES[self._language(number)]
        document: Document = {
            "schema_version": 1,
            "name": self._names(number),
            "country": country,
            "birth_date": str(debut - timedelta(days=chance.randrange(17 * 365, 40 * 365))),
            "debut_date": str(debut),
        }
        if chance.random() < 0.7:  # noqa: PLR2004 - a share, here and below
            document["spotify_url"] = (
                f"https://open.spotify.example/artist/{chance.getrandbits(88):022x}"
            )
        document["updated_at"] = _time(debut, chance.randrange(86400 * 365))
        return document

    def _lyric(self, number: int) -> Document:
        chance = self._chance("lyric", number)
        lead = self._lead(number)
        title = self._title(number)
        released = self._released(number)
        document: Document = {"schema_version": 1, "title": title}
        if chance.random() < 0.6:  # noqa: PLR2004
            document["album"] = chance.choice(vocabulary.ALBUMS)
            document["label"] = vocabulary.LABELS[lead % len(vocabulary.LABELS)]
        document["language"] = language = self._language(lead)
        document["released_date"] = str(released)
        if chance.random() < 0.5:  # noqa: PLR2004
            document["video_url"] = f"https://video.example/watch?v={chance.getrandbits(44):011x}"
        document["credits"] = self._credits(lead, chance)
        document["updated_at"] = _time(released, chance.randrange(86400 * 400))
        document["lyrics"] = _text(title, language, chance)
        return document

    def _credits(self, lead: int, chance: Random) -> list[Document]:
        guests = {self._popular(chance.random(), self.artist_count) for _ in range(3)} - {lead}
        credited = [(lead, Role.SINGER)]
        for guest in sorted(guests):
            share = chance.random()
            if share < 0.3:  # noqa: PLR2004
                credited.append((guest, Role.FEATURED))
            if share < 0.1 or share > 0.8:  # noqa: PLR2004
                credited.append((guest, Role.LYRICIST))
        if chance.random() < 0.7:  # noqa: PLR2004
            credited.append((lead, Role.LYRICIST))
        if chance.random() < 0.4:  # noqa: PLR2004
            producer = self._popular(chance.random(), self.artist_count)
            credited.append((producer, Role.PRODUCER))
        return [{"artist": self._names(artist), "role": role.value} for artist, role in credited]

    def _start(self, meetup: int) -> datetime:
        _, _, _, hours = vocabulary.CITIES[meetup % len(vocabulary.CITIES)]
        share = (meetup + 0.5) / self.meetup_count
        days = int(share * (_LAST_MEETUP - _FIRST_MEETUP).days)
        return _FIRST_MEETUP + timedelta(days=days, hours=-hours)

    def _meetup(self, number: int) -> Document:
        chance = self._chance("meetup", number)
        edition, place = divmod(number, len(vocabulary.CITIES))
        city, country, timezone, _ = vocabulary.CITIES[place]
        start = self._start(number)
        online = chance.random() < 0.2  # noqa: PLR2004
        document: Document = {
            "schema_version": 1,
            "title": f"Data on Kubernetes {city} #{edition + 1}",
            "host": f"DoK {city}",
            "starts_at": f"{start:%Y-%m-%dT%H:%M:%SZ}",
            "ends_at": f"{start + timedelta(hours=3.5):%Y-%m-%dT%H:%M:%SZ}",
            "timezone": timezone,
            "is_online": online,
        }
        if not online:
            document |= {
                "venue": chance.choice(vocabulary.VENUES),
                "city": city,
                "country": country,
            }
        document["performances"] = self._performances(start, chance)
        document["updated_at"] = f"{start + timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}"
        return document

    def _performances(self, start: datetime, chance: Random) -> list[Document]:
        """Return performances of distinct lyrics that were out by then, a few by other artists."""
        drawn = [
            self._popular(chance.random(), self.lyric_count) for _ in range(chance.randrange(4, 16))
        ]
        performances: list[Document] = []
        for lyric in dict.fromkeys(drawn):
            if self._released(lyric) > start.date():
                continue
            lead = self._names(self._lead(lyric))
            performance = {"lyric": self._title(lyric), "artist": lead}
            if chance.random() < 0.2:  # noqa: PLR2004
                performer = self._popular(chance.random(), self.artist_count)
                performance |= {"singer": lead, "artist": self._names(performer)}
            began = start + timedelta(minutes=15 * (len(performances) + 1))
            performance["started_at"] = f"{began:%Y-%m-%dT%H:%M:%SZ}"
            performances.append(performance)
        return performances

    def _registrations(self, meetup: int) -> Iterator[Document]:
        chance = self._chance("registrations", meetup)
        start = self._start(meetup)
        meetup_id = Meetup.expand(self._meetup(meetup))["meetup_id"]
        for attendee in sorted(
            chance.sample(range(20 * self.artist_count), chance.randrange(10, 60))
        ):
            registered = start - timedelta(minutes=chance.randrange(60, 60 * 24 * 45))
            status = chance.choices(list(Status), (1, 7, 2))[0]
            changed = {
                Status.REGISTERED: registered,
                Status.ATTENDED: start + timedelta(minutes=chance.randrange(60)),
                Status.CANCELLED: registered + (start - registered) * chance.random(),
            }[status]
            yield {
                "meetup_id": meetup_id,
                "attendee_hash": sha256(f"{self.seed}/{attendee}".encode()).hexdigest(),
                "status": status.value,
                "registered_at": f"{registered:%Y-%m-%dT%H:%M:%SZ}",
                "updated_at": f"{changed:%Y-%m-%dT%H:%M:%SZ}",
            }

    def _play(self, number: int) -> Document:
        lyric = self._popular(self._draw(4, number), self.lyric_count)
        released = self._released(lyric)
        share = self._draw(5, number)
        days = (_LAST_RELEASE - released).days + 180
        country, _, _ = vocabulary.LANGUAGES[_LANGUAGES[number % len(_LANGUAGES)]]
        return {
            "play_id": derive_text("play", f"{self.seed}/{number}"),
            "lyric_id": self._lyric_id(lyric),
            "artist_id": artist_id(self._names(self._lead(lyric))),
            "played_at": _time(released, int(share * days * 86400)),
            "duration_ms": 10_000 + int(self._draw(6, number) * 230_000),
            "country": country,
            "client": vocabulary.CLIENTS[number % len(vocabulary.CLIENTS)],
        }


def _time(day: date, seconds: int) -> str:
    """Return the time some seconds after a day began, in UTC."""
    time = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(seconds=seconds)
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


def _text(title: str, language: str, chance: Random) -> str:
    """Return a text of some 600 to 900 bytes in UTF-8: verses, a hook, a line break at the end."""
    hook = f'"{title}" {chance.choice(vocabulary.EMOJI)}'
    wanted = chance.randrange(600, 800) - len(hook.encode()) * 2
    verses: list[str] = []
    size = 0
    for couplet, length in chance.choices(_COUPLETS[language], k=24):
        verses.append(couplet)
        size += length
        if size >= wanted:
            break
        if len(verses) % 3 == 2:  # noqa: PLR2004 - a blank line after two couplets
            verses.append("")
            size += 1
    middle = len(verses) // 2
    return "\n".join([*verses[:middle], hook, *verses[middle:], hook, ""])
