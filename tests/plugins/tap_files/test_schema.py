"""Where a stream's columns come from: declared, inferred, or the document as it is."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from fixtures.singer import run_tap
from fixtures.tapped import SONGS
from singer_kit.errors import ConfigError
from tap_files import TapFiles, inferring, streams

if TYPE_CHECKING:
    from pathlib import Path

    from fixtures.singer import Output
    from fixtures.tapped import Folder, Tapped

INFER = {**SONGS, "schema_strategy": "infer"}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "title": {"type": "string"},
        "plays": {"type": ["integer", "null"]},
        "rank": {"type": "integer"},
        "score": {"type": ["number", "null"]},
        "live": {"type": ["boolean", "null"]},
        "note": {"type": ["string", "null"]},
        "by": {"type": ["array", "null"]},
        "day": {"type": ["string", "null"], "format": "date"},
    },
    "required": ["title"],
}
LINEAGE = {
    "_sdc_source_bucket",
    "_sdc_source_file",
    "_sdc_source_lineno",
    "_sdc_source_etag",
    "_sdc_source_last_modified",
    "_sdc_lsn",
    "_sdc_extra",
}


def own(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in LINEAGE}


def columns(output: Output, stream: str = "songs") -> dict[str, Any]:
    """Return the types of the last schema message, without those of lineage."""
    properties = own(output.schemas[stream]["schema"]["properties"])
    return {
        name: each["type"] if each["type"] != inferring._EVERYTHING else "json"
        for name, each in properties.items()
    }


@pytest.mark.parametrize("strategy", ["raw", "declared", "infer"])
def test_every_row_says_where_it_comes_from_in_every_strategy(
    folder: Folder, strategy: str
) -> None:
    folder.put("songs/a.yaml", "title: one\nplays: 3")
    stream = {**SONGS, "schema_strategy": strategy}
    if strategy == "declared":
        stream["schema"] = SCHEMA
    output = folder.tap(streams=[stream])
    (record,) = output.records("songs")
    assert record.keys() >= LINEAGE
    assert output.schemas["songs"]["schema"]["properties"].keys() >= LINEAGE
    assert output.schemas["songs"]["key_properties"] == ["_sdc_source_file", "title"]


def test_raw_is_the_key_and_the_document(files: Tapped) -> None:
    files.put("songs/a.csv", "title,plays\none,3\n")
    (record,) = files.tap().records("songs")
    assert own(record) == {"title": "one", "document": {"title": "one", "plays": "3"}}


def test_text_becomes_what_the_schema_says(files: Tapped) -> None:
    files.put(
        "songs/a.csv",
        "title,plays,rank,score,live,note,by,day,mood\n"
        'one,3,1,1.10,TRUE,,"[""me""]",2024-01-31,low\n'
        "two,,-2,2e3,0,x,,,\n",
    )
    one, two = files.tap(streams=[{**SONGS, "schema": SCHEMA}]).records("songs")
    assert own(one) == {
        "title": "one",
        "plays": 3,
        "rank": 1,
        "score": 1.1,
        "live": True,
        "note": None,
        "by": ["me"],
        "day": "2024-01-31",
    }
    assert own(two) == {
        **dict.fromkeys(("plays", "by", "day")),
        "title": "two",
        "rank": -2,
        "score": 2000,
        "live": False,
        "note": "x",
    }
    assert (one["_sdc_extra"], two["_sdc_extra"]) == ({"mood": "low"}, {"mood": ""})


@pytest.mark.parametrize(
    ("field", "text", "code"),
    [
        ("plays", "three", "integer_expected"),
        ("plays", "1.5", "integer_expected"),
        ("plays", "٣x", "integer_expected"),
        ("score", "1,5", "number_expected"),
        ("score", "NaN", "number_expected"),
        ("live", "maybe", "boolean_expected"),
        ("by", "{}", "array_expected"),
        ("by", "[", "array_expected"),
    ],
)
def test_text_that_is_none_of_it_is_rejected_by_field(
    folder: Folder, field: str, text: str, code: str
) -> None:
    folder.put("songs/a.csv", f'title,{field}\none,"{text}"\ntwo,\n')
    output = folder.tap(streams=[{**SONGS, "schema": SCHEMA}])
    assert [record["title"] for record in output.records("songs")] == ["two"]
    (row,) = output.records("songs__rejected")
    assert (row["error_path"], row["error_code"]) == (f"$.{field}", code)
    assert row["error_message"].startswith("found text; must be a")
    assert row["payload"] == {"title": "one", field: text}


@pytest.mark.parametrize("strategy", ["raw", "declared", "infer"])
def test_an_empty_field_is_no_key(folder: Folder, strategy: str) -> None:
    folder.put("songs/a.csv", "title,plays\n,3\ntwo,4\n")
    stream = {**SONGS, "schema_strategy": strategy}
    if strategy == "declared":
        stream["schema"] = SCHEMA
    output = folder.tap(streams=[stream])
    assert [record["title"] for record in output.records("songs")] == ["two"]
    (row,) = output.records("songs__rejected")
    assert (row["error_path"], row["error_code"]) == ("$.title", "key_missing")


def test_a_contract_is_given_typed_text(folder: Folder) -> None:
    folder.put(
        "songs/a.csv",
        'title,plays,credits\none,3,"[{""who"": ""me"", ""role"": ""x""}]"\ntwo,-1,\n',
    )
    output = folder.tap(
        contract_mode="quarantine", contract_models={"songs": "fixtures.contracts.Song"}
    )
    (record,) = output.records("songs")
    assert (record["plays"], record["credits"]) == (3, [{"who": "me", "role": "x"}])
    (row,) = output.records("songs__rejected")
    assert row["error_path"] == "$.plays"


def test_a_line_that_is_its_record_is_written_as_it_stands(
    folder: Folder, capfd: pytest.CaptureFixture[str]
) -> None:
    """Spaces, escapes and digits as in the file; what lacks a field, or has one more, is made."""
    as_it_stands = '{ "title": "\\u00e9t\\u00e9", "score": 1.50e3 }'
    folder.put("songs/a.jsonl", f'  {as_it_stands}  \n{{"title": "b", "mood": "low"}}\n')
    TapFiles(config=folder.config(streams=[{**SONGS, "schema": SCHEMA}])).sync_all()
    first, second = (
        line for line in capfd.readouterr().out.splitlines() if '"stream":"songs","rec' in line
    )
    assert as_it_stands[:-1] + ',"_sdc_source_bucket"' in first
    song = json.loads(first)["record"]
    assert (song["title"], song["score"], song["_sdc_extra"]) == ("été", 1500, None)
    assert json.loads(second)["record"]["_sdc_extra"] == {"mood": "low"}


@pytest.mark.parametrize("way", ["inline", "file"])
def test_a_schema_is_given_itself_or_by_a_file(folder: Folder, tmp_path: Path, way: str) -> None:
    path = tmp_path / "song.json"
    path.write_text(json.dumps(SCHEMA))
    folder.put("songs/a.yaml", "title: one\nmood: low\nplays: 2")
    output = folder.tap(streams=[{**SONGS, "schema": SCHEMA if way == "inline" else str(path)}])
    (record,) = output.records("songs")
    assert (own(record), record["_sdc_extra"]) == ({"title": "one", "plays": 2}, {"mood": "low"})


def test_a_schema_is_given_by_the_catalog(folder: Folder) -> None:
    folder.put("songs/a.csv", "title,plays,mood\none,3,low")
    config = folder.config()
    catalog = TapFiles(config=config).catalog_dict
    (songs,) = (entry for entry in catalog["streams"] if entry["stream"] == "songs")
    del songs["schema"]["properties"]["document"]
    songs["schema"]["properties"]["plays"] = {"type": ["integer", "null"]}
    output = folder.tap(catalog=catalog)
    (record,) = output.records("songs")
    assert (own(record), record["_sdc_extra"]) == ({"title": "one", "plays": 3}, {"mood": "low"})


def test_fields_are_inferred_from_the_documents(files: Tapped) -> None:
    files.put("songs/a.jsonl", '{"title": "a", "n": 1, "x": 1, "o": {"k": 1}, "l": [1], "b": true}')
    files.put("songs/b.jsonl", '{"title": "b", "n": 1.5, "x": "one", "nothing": null, "s": "t"}')
    output = files.tap(streams=[INFER])
    assert columns(output) == {
        "title": {"type": "string"}["type"],
        "n": ["number", "null"],
        "x": "json",
        "o": ["object", "null"],
        "l": ["array", "null"],
        "b": ["boolean", "null"],
        "s": ["string", "null"],
    }
    found = {record["title"]: own(record) for record in output.records("songs")}
    assert found == {
        "a": {"title": "a", "n": 1, "x": 1, "o": {"k": 1}, "l": [1], "b": True},
        "b": {"title": "b", "n": 1.5, "x": "one", "s": "t"},
    }
    # The sample has seen both files: one schema message is enough.
    assert (
        len([m for m in output.messages if m["type"] == "SCHEMA" and m["stream"] == "songs"]) == 1
    )


def test_what_the_sample_has_not_seen_widens_the_schema_before_its_record(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inferring, "SAMPLE_DOCUMENTS", 1)
    lines = ['{"title": "a", "n": 1}', '{"title": "b", "n": "x", "new": 1}', '{"title": "c"}']
    folder.put("songs/a.jsonl", "\n".join(lines))
    output = folder.tap(streams=[INFER])
    known: set[str] = set()
    for message in output.messages:
        if message["type"] == "SCHEMA" and message["stream"] == "songs":
            known = set(message["schema"]["properties"])
        if message["type"] == "RECORD" and message["stream"] == "songs":
            assert set(message["record"]) <= known
    assert columns(output)["n"] == "json"
    assert columns(output)["new"] == ["integer", "null"]


def test_what_was_found_stays_known_and_quiet_runs_do_not_look_again(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.put("songs/a.jsonl", '{"title": "a", "n": 1}')
    state = folder.tap(streams=[INFER]).state

    def unexpected(*_: Any) -> Any:
        raise AssertionError("a run that knows the fields looks for them")

    monkeypatch.setattr(streams, "sample", unexpected)
    folder.delete("songs/a.jsonl")
    folder.put("songs/b.jsonl", '{"title": "b", "m": 2}')
    output = folder.tap(state, streams=[INFER])
    assert columns(output).keys() == {"title", "n", "m"}
    quiet = folder.tap(output.state, streams=[INFER])
    assert quiet.counts() == {}
    assert columns(quiet) == columns(output)


def test_a_run_without_its_state_finds_the_same(folder: Folder) -> None:
    for number in range(60):
        folder.put(f"songs/{number}.json", json.dumps({"title": f"t{number}", f"f{number}": 1}))
    first, second = (folder.tap(streams=[INFER]) for _ in range(2))
    assert first.messages[1] == second.messages[1]
    assert columns(first) == columns(second)
    assert len(columns(first)) == 61


def test_more_fields_than_columns_go_into_extra(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inferring, "MAX_FIELDS", 2)
    folder.put("songs/a.jsonl", '{"title": "a", "x": 1, "y": 2, "z": 3, "_sdc_lsn": 0}')
    (record,) = folder.tap(streams=[INFER]).records("songs")
    assert (own(record), record["_sdc_extra"]) == (
        {"title": "a", "x": 1, "y": 2},
        {"z": 3, "_sdc_lsn": 0},
    )
    assert record["_sdc_lsn"] > 0


def test_the_text_of_a_csv_stays_text_and_a_date_field_is_a_moment(folder: Folder) -> None:
    folder.put("songs/a.csv", "title,zip,at\na,01234,2024-01-31T10:00:00+05:30\nb,,\nc,1,soon\n")
    output = folder.tap(streams=[{**INFER, "date_fields": ["at"]}])
    assert output.schemas["songs"]["schema"]["properties"]["at"]["format"] == "date-time"
    assert [own(record) for record in output.records("songs")] == [
        {"title": "a", "zip": "01234", "at": "2024-01-31T04:30:00+00:00"},
        {"title": "b", "zip": None, "at": None},
    ]
    (row,) = output.records("songs__rejected")
    assert (row["error_path"], row["error_code"]) == ("$.at", "time_expected")


def test_discovery_shows_what_would_be_inferred_and_a_catalog_can_leave_it_out(
    folder: Folder,
) -> None:
    folder.put("songs/a.jsonl", '{"title": "a", "n": 1, "secret": "x"}')
    config = folder.config(streams=[INFER])
    catalog = TapFiles(config=config).catalog_dict
    (songs,) = (entry for entry in catalog["streams"] if entry["stream"] == "songs")
    assert songs["schema"]["properties"].keys() == {"title", "n", "secret"} | LINEAGE
    for entry in songs["metadata"]:
        if entry["breadcrumb"] == ["properties", "secret"]:
            entry["metadata"]["selected"] = False
    folder.put("songs/b.jsonl", '{"title": "b", "n": "x", "new": true}')
    output = run_tap(TapFiles, config, catalog=catalog)
    assert output.error is None
    assert columns(output) == {"title": "string", "n": "json", "new": ["boolean", "null"]}
    assert [own(record) for record in output.records("songs")] == [
        {"title": "a", "n": 1},
        {"title": "b", "n": "x", "new": True},
    ]


def test_an_exploded_stream_is_inferred_from_its_elements(folder: Folder) -> None:
    folder.put("songs/a.json", '{"title": "one", "credits": [{"who": "me", "n": 1}]}')
    credits_ = {
        "name": "credits",
        "prefix": "songs/",
        "explode": "credits",
        "key_properties": ["title", "who"],
        "schema_strategy": "infer",
    }
    output = folder.tap(streams=[SONGS, credits_])
    assert columns(output, "credits") == {
        "title": "string",
        "who": "string",
        "n": ["integer", "null"],
    }
    assert own(output.records("credits")[0]) == {"title": "one", "who": "me", "n": 1}


@pytest.mark.parametrize(
    ("stream", "said"),
    [
        ({**INFER, "schema": SCHEMA}, "is infer, but a schema or contract declares it"),
        ({**SONGS, "schema": SCHEMA, "schema_strategy": "raw"}, "is raw, but a schema"),
        ({**SONGS, "date_fields": ["at"]}, "is for schema_strategy infer"),
        ({**SONGS, "schema_strategy": "declared"}, "key_properties|nothing declares it"),
        ({**SONGS, "schema": {"type": "object"}}, "has no properties"),
        ({**SONGS, "schema": {"properties": {"n": {}}}}, "key_properties title not in its schema"),
        ({**SONGS, "encoding": "utf-9"}, "'encoding' 'utf-9' is not known"),
        ({**SONGS, "encoding": "rot13"}, "'encoding' 'rot13' is not known"),
        ({**SONGS, "delimiter": "::"}, "'delimiter' must be one character"),
        ({**SONGS, "quotechar": ","}, "must differ"),
        ({**SONGS, "field_names": ["a", "a"]}, "'field_names' must differ"),
        ({**SONGS, "json_path": "a..b"}, "'json_path' is keys"),
    ],
)
def test_settings_that_contradict_each_other_are_named(
    folder: Folder, stream: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        folder.tap(streams=[stream])
