"""What a file no longer says is gone from the marts, and what cannot be read changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from rap_model import Artist, Lyric, Meetup
from transform import expected
from transform.expected.rows import counted, differences

if TYPE_CHECKING:
    from transform.rap_files import RapFiles, Record
    from transform.warehouse import Warehouse

pytestmark = pytest.mark.usefixtures("built")


def artist(name: str, **fields: Any) -> Record:
    return Artist.read(
        {"schema_version": 1, "name": name, "updated_at": "2026-01-01T00:00:00Z"} | fields
    )


def lyric(title: str, **fields: Any) -> Record:
    given = {
        "schema_version": 1,
        "title": title,
        "lyrics": "one two\nTwo",
        "credits": [{"artist": "Testing Tess", "role": "singer"}],
        "updated_at": "2026-01-01T00:00:00Z",
    }
    return Lyric.read(given | fields)


def meetup(title: str, **fields: Any) -> Record:
    given = {
        "schema_version": 1,
        "title": title,
        "starts_at": "2026-02-01T18:00:00+01:00",
        "timezone": "Europe/Vienna",
        "is_online": False,
        "updated_at": "2026-01-01T00:00:00Z",
    }
    return Meetup.read(given | fields)


# What files speak of alone or together with the application.
MARTS = (
    "marts.dim_artists",
    "marts.dim_lyrics",
    "marts.dim_meetups",
    "marts.fct_lyric_credits",
    "marts.fct_lyric_releases",
    "marts.fct_meetup_performances",
    "restricted.dim_lyric_texts",
)


def rebuild(warehouse: Warehouse, told: expected.Input) -> None:
    """Run the models and compare every mart with the independent calculation."""
    models = [*(name.partition(".")[2] for name in MARTS), "stg_files__rejected"]
    warehouse.dbt("run", "--select", *(f"+{name}" for name in models))
    found = {name: counted(warehouse.rows(name)) for name in MARTS}
    assert differences(found, expected.marts(told)) == {}


def titles(warehouse: Warehouse, lyric_id: str) -> list[str]:
    """Return the titles under which ``dim_lyrics`` knows a lyric."""
    rows = warehouse.rows("marts.dim_lyrics")
    return [row["title"] for row in rows if row["lyric_id"] == UUID(lyric_id)]


def test_a_changed_file_shows_its_new_documents_only(
    warehouse: Warehouse, files: RapFiles, told: expected.Input
) -> None:
    kept, dropped = lyric("Kept In The File"), lyric("Dropped From The File")
    files.put("lyrics/changing.yaml", kept, dropped)
    rebuild(warehouse, told)
    assert titles(warehouse, dropped["lyric_id"]) == ["Dropped From The File"]

    more = [{"artist": "Fresh Fran", "role": "featured"}]
    changed = lyric("Kept In The File", album="New", lyrics="three", credits=more)
    changed["lyric_id"] = kept["lyric_id"]
    files.put("lyrics/changing.yaml", changed)
    rebuild(warehouse, told)
    assert titles(warehouse, dropped["lyric_id"]) == []
    credited = [
        (row["artist_id"], row["role"])
        for row in warehouse.rows("marts.fct_lyric_credits")
        if row["lyric_id"] == UUID(kept["lyric_id"])
    ]
    assert credited == [(UUID(changed["credits"][0]["artist_id"]), "featured")]


def test_a_vanished_file_takes_its_rows_along_and_brings_them_back(
    warehouse: Warehouse, files: RapFiles, told: expected.Input
) -> None:
    song, tess = lyric("Here And Gone"), artist("Testing Tess", debut_date="2020-02-29")
    night = meetup(
        "Gone Night",
        performances=[{"lyric_id": song["lyric_id"], "artist_id": tess["artist_id"]}],
    )
    for name, document in {"lyrics": song, "artists": tess, "meetups": night}.items():
        files.put(f"{name}/vanishing.yaml", document)
    rebuild(warehouse, told)
    for name in ("lyrics", "artists", "meetups"):
        files.remove(f"{name}/vanishing.yaml")
    rebuild(warehouse, told)
    assert titles(warehouse, song["lyric_id"]) == []
    files.put("lyrics/vanishing.yaml", song)
    rebuild(warehouse, told)
    assert titles(warehouse, song["lyric_id"]) == ["Here And Gone"]


def test_of_one_entity_in_two_files_the_later_update_speaks_until_it_goes(
    warehouse: Warehouse, files: RapFiles, told: expected.Input
) -> None:
    late = lyric("Told Twice", album="late", updated_at="2026-03-01T00:00:00Z", lyrics="late")
    extra = [
        {"artist": "Testing Tess", "role": "singer"},
        {"artist": "Only Earlier", "role": "producer"},
    ]
    early = lyric("Told Twice", album="early", credits=extra)
    assert early["lyric_id"] == late["lyric_id"]
    # The earlier telling is loaded later and in the file that sorts first: neither may decide.
    files.put("lyrics/b_late.yaml", late)
    files.put("lyrics/a_early.yaml", early)
    rebuild(warehouse, told)
    albums = {row["lyric_id"]: row["album"] for row in warehouse.rows("marts.dim_lyrics")}
    assert albums[UUID(late["lyric_id"])] == "late"
    roles = {
        row["role"]
        for row in warehouse.rows("marts.fct_lyric_credits")
        if row["lyric_id"] == UUID(late["lyric_id"])
    }
    assert roles == {"singer"}

    files.remove("lyrics/b_late.yaml")
    rebuild(warehouse, told)
    albums = {row["lyric_id"]: row["album"] for row in warehouse.rows("marts.dim_lyrics")}
    assert albums[UUID(late["lyric_id"])] == "early"


def test_ties_between_files_end_with_the_later_version_then_the_first_name(
    warehouse: Warehouse, files: RapFiles, told: expected.Input
) -> None:
    for name, album in {"a_older": "older", "z_newer": "newer"}.items():
        files.put(f"lyrics/{name}.yaml", lyric("Tied By Update", album=album))
    for name, album in {"Zuerst": "first", "andere": "second"}.items():
        files.put(f"lyrics/{name}.yaml", lyric("Tied By Version", album=album))
        files.clock -= 1_000_000
    rebuild(warehouse, told)
    albums = {row["title"]: row["album"] for row in warehouse.rows("marts.dim_lyrics")}
    assert albums["Tied By Update"] == "newer"
    assert albums["Tied By Version"] == "first"


def test_one_lyric_twice_in_a_file_is_its_last_document(
    warehouse: Warehouse, files: RapFiles, told: expected.Input
) -> None:
    both = [
        {"artist": "Testing Tess", "role": "singer"},
        {"artist": "Draft Dan", "role": "producer"},
    ]
    files.put(
        "lyrics/twice.yaml",
        lyric("Second Thoughts", album="draft", credits=both),
        lyric("Second Thoughts", album="final"),
    )
    rebuild(warehouse, told)


def test_an_unreadable_new_version_keeps_the_old_and_is_reported(
    warehouse: Warehouse, files: RapFiles, told: expected.Input
) -> None:
    song = lyric("Still Standing")
    files.put("lyrics/poisoned.yaml", song)
    files.put_unreadable("lyrics/poisoned.yaml")
    files.put_unreadable("lyrics/never_readable.yaml")
    rebuild(warehouse, told)
    assert titles(warehouse, song["lyric_id"]) == ["Still Standing"]
    test = "assert_no_file_in_quarantine"
    assert warehouse.dbt("test", "--select", test)[test] == "warn"
    with warehouse.connect("transformer") as connection:
        query = b"select source_file from staging.stg_files__rejected order by 1"
        found = [name for (name,) in connection.execute(query)]
    assert found == ["lyrics/never_readable.yaml", "lyrics/poisoned.yaml"]

    files.put("lyrics/poisoned.yaml", lyric("Still Standing", album="repaired"))
    files.remove("lyrics/never_readable.yaml")
    rebuild(warehouse, told)
    assert warehouse.dbt("test", "--select", test)[test] == "pass"


def test_a_row_marked_deleted_is_not_shown(
    warehouse: Warehouse, files: RapFiles, told: expected.Input
) -> None:
    song = lyric("Deleted By Record")
    files.put("lyrics/row_deleted.yaml", song)
    files.delete_row("lyrics", "lyrics/row_deleted.yaml", lyric_id=song["lyric_id"])
    files.files["lyrics/row_deleted.yaml"].documents = []
    rebuild(warehouse, told)


def test_quarantine_tables_may_be_absent(
    warehouse: Warehouse, files: RapFiles, told: expected.Input
) -> None:
    files.connection.execute("drop table artists__rejected cascade")
    rebuild(warehouse, told)
    assert warehouse.rows("staging.stg_files__rejected") == []


def test_a_reference_that_leads_nowhere_warns_and_keeps_the_fact(
    warehouse: Warehouse, files: RapFiles, told: expected.Input
) -> None:
    lost = lyric("Credits Nobody Known", credits=[{"artist": "Nobody Known", "role": "singer"}])
    files.put("lyrics/lost.yaml", lost)
    rebuild(warehouse, told)
    statuses = warehouse.dbt("test", "--select", "fct_lyric_credits")
    warned = [name for name, status in statuses.items() if status == "warn"]
    assert warned == ["relationships_fct_lyric_credits_artist_id__artist_id__ref_dim_artists_"]
    credited = {row["lyric_id"] for row in warehouse.rows("marts.fct_lyric_credits")}
    assert UUID(lost["lyric_id"]) in credited
