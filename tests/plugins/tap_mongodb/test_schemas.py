from __future__ import annotations

import json
from datetime import UTC, datetime
from random import Random
from typing import TYPE_CHECKING, Any

import bson
import jsonschema  # type: ignore[import-untyped] # no stubs in the lock
import pytest
from bson import Binary, DatetimeMS, Regex, Timestamp
from bson.decimal128 import Decimal128
from hypothesis import given, settings
from hypothesis import strategies as st

from fixtures.bson_documents import OBJECT_ID, UUID, documents, values, with_id
from rap_model import derive_id
from singer_kit.errors import ConfigError
from tap_mongodb.documents import DocumentEncoder, RejectedError
from tap_mongodb.inferred import ANY, MAX_FIELDS, widest
from tap_mongodb.settings import Settings
from target_postgres.columns import column

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

MOMENT = datetime(2026, 3, 19, 18, tzinfo=UTC)
PLAY = {"lyric_id": Binary.from_uuid(UUID), "played_at": MOMENT, "duration_ms": 1000}
PLAYS = {"contract_models": {"plays": "rap_model.Play"}, "contract_mode": "quarantine"}


def encoder(
    collection: str = "plays",
    sample: Iterable[Mapping[str, Any]] = (),
    known: dict[str, str] | None = None,
    **said: Any,
) -> DocumentEncoder:
    config = {"database": "rap", "mongodb_connection_string": "mongodb://nowhere", **said}
    return DocumentEncoder(Settings.of(config), collection, map(bson.encode, sample), known)


def declared(**said: Any) -> DocumentEncoder:
    return encoder(schema_strategy="declared", **{**PLAYS, **said})


def inferred(*sample: Mapping[str, Any], **said: Any) -> DocumentEncoder:
    return encoder(schema_strategy="infer", sample=sample, **said)


def hold(record: dict[str, Any], made: DocumentEncoder) -> None:
    """Hold a record to the schema that is told of it."""
    jsonschema.Draft202012Validator(made.schema).validate(record)


def encode(made: DocumentEncoder, document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a document's record, held to the schema that is told of it."""
    members = made.encode(bson.encode(document))
    found: dict[str, Any] = json.loads(b"{%b}" % members)
    hold(found, made)
    return found


# Contract


def test_a_contract_gives_the_record_the_key_and_what_it_does_not_know() -> None:
    made = declared()
    found = encode(made, {"_id": Binary.from_uuid(UUID), **PLAY, "mood": "low", "at": [MOMENT]})
    assert found == {
        "_id": '{"$binary":{"base64":"bx96UixbXQ6MYwuKSjudEQ==","subType":"04"}}',
        "play_id": str(UUID),
        "lyric_id": str(UUID),
        "artist_id": None,
        "played_at": "2026-03-19T18:00:00Z",
        "duration_ms": 1000,
        "country": None,
        "client": None,
        "_sdc_extra": {"mood": "low", "at": ["2026-03-19T18:00:00Z"]},
    }
    assert made.counts == {"unknown_fields": 2}


@pytest.mark.parametrize("key", [UUID, str(UUID)], ids=["binary", "text"])
def test_a_uuid_key_is_the_entitys_id_unless_another_is_given(key: Any) -> None:
    made = declared()
    given_key = Binary.from_uuid(key) if key is UUID else key
    other = "00000000-0000-4000-8000-000000000001"
    assert encode(made, {"_id": given_key, **PLAY})["play_id"] == str(UUID)
    assert encode(made, {"_id": given_key, "play_id": other, **PLAY})["play_id"] == other


def test_an_id_derived_from_the_name_is_the_one_that_files_give() -> None:
    made = declared(contract_models={"artists": "rap_model.Artist"}, collection="artists")
    found = encode(made, {"_id": OBJECT_ID, "name": " MC  Quorum", "updated_at": MOMENT})
    assert found["artist_id"] == str(derive_id("artist", "mc quorum"))
    assert found["_id"] == str(OBJECT_ID)


def test_a_document_that_breaks_its_contract_is_rejected_with_each_fault() -> None:
    made = declared()
    document = {"_id": OBJECT_ID, **PLAY, "duration_ms": -1, "played_at": Timestamp(5, 1)}
    with pytest.raises(RejectedError) as caught:
        made.encode(bson.encode(document))
    assert {(fault.path, fault.code) for fault in caught.value.faults} == {
        ("$.play_id", "missing"),
        ("$.duration_ms", "milliseconds_expected"),
        ("$.played_at", "time_expected"),
    }
    assert caught.value.payload is not None
    assert caught.value.payload["duration_ms"] == -1
    # What `warn` lets through: the fields that have a column, as they are.
    unchecked = json.loads(b"{%b}" % (caught.value.record or b""))
    assert unchecked["duration_ms"] == -1
    assert unchecked["played_at"] == {"$timestamp": {"t": 5, "i": 1}}
    assert unchecked["client"] is None


def test_values_of_odd_types_that_the_contract_does_not_know_are_kept() -> None:
    document = {"_id": str(UUID), **PLAY, "tag": Regex("a", "i"), "load": float("nan")}
    found = encode(declared(), document)
    said = {"tag": {"$regularExpression": {"pattern": "a", "options": "i"}}, "load": None}
    assert found["_sdc_extra"] == said
    assert found["played_at"] == "2026-03-19T18:00:00Z"


def test_with_contract_mode_off_fields_go_to_their_columns_unchecked() -> None:
    made = declared(contract_mode="off")
    found = encode(made, {"_id": 1, "duration_ms": 5, "mood": "low"})
    assert found["duration_ms"] == 5
    assert found["play_id"] is None
    assert found["_sdc_extra"] == {"mood": "low"}


def test_every_declared_column_takes_the_null_of_a_delete() -> None:
    made = declared()
    key_alone = json.loads(
        b"{%b,%b}" % (made.encode_key(bson.encode({"_id": 1})), made.encode_nulls())
    )
    hold(key_alone, made)
    assert key_alone.keys() == made.schema["properties"].keys()
    assert made.schema["required"] == ["_id"]


def test_declared_without_a_schema_says_which_collection() -> None:
    with pytest.raises(ConfigError, match="'songs'"):
        declared(collection="songs")


# JSON Schema

SONGS = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "properties": {
        "_id": {"type": "string"},
        "title": {"type": "string"},
        "at": {"type": ["string", "null"], "format": "date-time"},
        "day": {"type": "string", "format": "date"},
        "by": {"type": "string", "format": "uuid"},
        "plays": {"type": "integer"},
        "kind": {"type": "string", "enum": ["rap", "skit"]},
    },
    "required": ["title"],
}


def songs(tmp_path: Path, schema: Mapping[str, Any] = SONGS, **said: Any) -> DocumentEncoder:
    path = tmp_path / "songs.json"
    path.write_text(json.dumps(schema))
    return encoder(
        "songs",
        schema_strategy="declared",
        json_schemas={"songs": str(path)},
        **{"contract_mode": "quarantine", **said},
    )


def test_a_json_schema_gives_its_columns_and_keeps_the_rest(tmp_path: Path) -> None:
    document = {"_id": OBJECT_ID, "title": "x", "at": MOMENT, "by": Binary.from_uuid(UUID), "b": 1}
    assert encode(songs(tmp_path), document) == {
        "_id": str(OBJECT_ID),
        "title": "x",
        "at": "2026-03-19T18:00:00Z",
        "day": None,
        "by": str(UUID),
        "plays": None,
        "kind": None,
        "_sdc_extra": {"b": 1},
    }


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("title", 5, "type_expected"),
        ("title", None, "type_expected"),
        ("plays", 1.5, "type_expected"),
        ("plays", True, "type_expected"),
        ("at", "yesterday", "format_expected"),
        ("at", "2026-03-19T18:00:00", "format_expected"),
        ("at", "2026-02-30T18:00:00Z", "format_expected"),
        ("day", "2026-02-30", "format_expected"),
        ("day", "20260228", "format_expected"),
        ("by", "6f1f7a52", "format_expected"),
        ("kind", "folk", "enum_expected"),
    ],
)
def test_a_value_that_does_not_fit_its_json_schema_is_rejected(
    tmp_path: Path, field: str, value: Any, code: str
) -> None:
    with pytest.raises(RejectedError) as caught:
        songs(tmp_path).encode(bson.encode({"_id": 1, "title": "x", field: value}))
    assert [(fault.path, fault.code) for fault in caught.value.faults] == [(f"$.{field}", code)]
    if value is not None:
        assert repr(value) not in caught.value.faults[0].message


def test_an_absent_required_field_is_a_fault_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(RejectedError, match="title"):
        songs(tmp_path).encode(bson.encode({"_id": 1}))


@pytest.fixture(scope="module")
def looks(tmp_path_factory: pytest.TempPathFactory) -> tuple[DocumentEncoder, DocumentEncoder]:
    """One that looks quickly first, and one whose documents all go to the library."""
    quick = songs(tmp_path_factory.mktemp("quick"))
    # A keyword that the quick look does not know.
    whole = songs(tmp_path_factory.mktemp("whole"), {**SONGS, "minProperties": 0})
    return quick, whole


@settings(max_examples=60, deadline=None)
@given(document=st.dictionaries(st.sampled_from([*SONGS["properties"]]), values))
def test_the_quick_look_never_lets_through_what_the_library_refuses(
    looks: tuple[DocumentEncoder, DocumentEncoder], document: dict[str, Any]
) -> None:
    raw = bson.encode({"_id": 1, **document})
    found = []
    for made in looks:
        try:
            found.append(made.encode(raw))
        except RejectedError as error:
            found.append(str(error).encode())
    assert found[0] == found[1]


@pytest.mark.parametrize(
    ("text", "said"),
    [("{", "cannot be read"), ("[]", "no properties"), ('{"properties":{"a":{"type":5}}}', "type")],
)
def test_a_json_schema_that_is_none_is_a_wrong_setting(
    tmp_path: Path, text: str, said: str
) -> None:
    path = tmp_path / "songs.json"
    path.write_text(text)
    with pytest.raises(ConfigError, match=said):
        encoder(
            "songs",
            schema_strategy="declared",
            json_schemas={"songs": str(path)},
            contract_mode="quarantine",
        )


# Inferred


def test_a_sample_gives_a_column_of_the_narrowest_type_for_each_field() -> None:
    made = inferred(
        {
            "_id": 1,
            "n": 1,
            "x": 1.5,
            "s": "a",
            "b": True,
            "at": MOMENT,
            "u": Binary.from_uuid(UUID),
        },
        {"_id": 2, "o": {"a": 1}, "l": [1], "d": Decimal128("1.50"), "by": OBJECT_ID, "none": None},
    )
    columns = {
        name: str(column(name, schema).sql_type)
        for name, schema in made.schema["properties"].items()
    }
    assert columns == {
        "_id": "text",
        "at": "timestamp with time zone",
        "b": "boolean",
        "by": "text",
        "d": "text",
        "l": "jsonb",
        "n": "bigint",
        "o": "jsonb",
        "s": "text",
        "u": "uuid",
        "x": "numeric",
        "_sdc_extra": "jsonb",
    }
    found = encode(made, {"_id": 3, "n": 2, "at": MOMENT, "d": Decimal128("2.50"), "none": None})
    assert (found["n"], found["at"], found["d"]) == (2, "2026-03-19T18:00:00Z", "2.50")
    assert (found["s"], found["_sdc_extra"]) == (None, None)
    assert "none" not in found
    assert made.generation == 0


@pytest.mark.parametrize(
    ("one", "other", "kind"),
    [
        (1, 1.5, "number"),
        (MOMENT, "later", "string"),
        (Binary.from_uuid(UUID), OBJECT_ID, "string"),
        (Binary.from_uuid(UUID), MOMENT, "string"),
        (1, "1", ANY),
        (1, True, ANY),
        ({}, [], ANY),
        (1.5, MOMENT, ANY),
        (Regex("a"), {"a": 1}, "object"),
    ],
)
def test_a_field_of_two_types_is_as_wide_as_both_in_either_order(
    one: Any, other: Any, kind: str
) -> None:
    for first, second in ((one, other), (other, one)):
        sampled = inferred({"_id": 1, "v": first}, {"_id": 2, "v": second})
        widened = inferred({"_id": 1, "v": first})
        encode(widened, {"_id": 2, "v": second})
        assert sampled.known == widened.known == {"v": kind}
        assert sampled.schema == widened.schema


def test_a_new_field_and_a_new_type_grow_the_schema_before_their_record() -> None:
    made = inferred({"_id": 1, "n": 1})
    assert encode(made, {"_id": 2, "n": 1})["n"] == 1
    assert made.generation == 0
    assert encode(made, {"_id": 3, "n": 1, "mood": "low"})["mood"] == "low"
    assert made.generation == 1
    assert encode(made, {"_id": 4, "n": {"a": 1}})["n"] == {"a": 1}
    assert made.generation == 2
    assert encode(made, {"_id": 5, "n": 7, "mood": "high"}) == {
        "_id": '{"$numberInt":"5"}',
        "n": 7,
        "mood": "high",
        "_sdc_extra": None,
    }
    assert made.generation == 2
    assert made.counts == {"widened_fields": 2}


def test_a_field_known_from_an_earlier_run_is_null_where_a_document_has_lost_it() -> None:
    before = inferred({"_id": 1, "mood": "low", "n": 1})
    after = inferred(known=before.known)
    assert encode(after, {"_id": 1, "n": 1})["mood"] is None
    assert after.schema == before.schema


def test_odd_values_do_not_widen_their_column_unless_they_are_to_be_text() -> None:
    sample = {"_id": 1, "x": 1.5, "at": MOMENT}
    odd = {"_id": 2, "x": float("nan"), "at": DatetimeMS(2**62)}
    made = inferred(sample)
    assert encode(made, odd) == {
        "_id": '{"$numberInt":"2"}',
        "at": None,
        "x": None,
        "_sdc_extra": None,
    }
    assert made.known == {"at": "date-time", "x": "number"}
    as_text = inferred(sample, nonfinite_numbers="string", out_of_range_dates="string")
    found = encode(as_text, odd)
    assert found["x"] == "NaN"
    assert str(found["at"]).startswith("+")
    assert as_text.known == {"at": "string", "x": ANY}
    # A date beside an odd value is still a date.
    assert encode(inferred(sample), {**odd, "at": MOMENT})["at"] == "2026-03-19T18:00:00Z"


def test_a_document_used_as_a_map_does_not_make_columns_without_end() -> None:
    made = inferred()
    document = {f"k{number:04d}": number for number in range(MAX_FIELDS + 3)}
    found = encode(made, {"_id": 1, **document, "_sdc_lsn": "mine"})
    assert len(made.known or {}) == MAX_FIELDS
    assert found["_sdc_extra"] == {
        **{f"k{number:04d}": number for number in range(MAX_FIELDS, MAX_FIELDS + 3)},
        "_sdc_lsn": "mine",
    }


def test_which_fields_of_a_large_sample_become_columns_does_not_depend_on_its_order() -> None:
    half = MAX_FIELDS // 2 + 5
    sample = [{f"{letter}{n:03d}": n for n in range(half)} for letter in ("b", "a")]
    one, other = inferred(*sample), inferred(*reversed(sample))
    assert one.known == other.known
    assert list(one.schema["properties"]) == list(other.schema["properties"])


@settings(max_examples=25, deadline=None)
@given(
    raws=st.lists(documents.map(with_id), min_size=1, max_size=6),
    seed=st.integers(0, 9),
    sampled=st.integers(0, 6),
)
def test_any_documents_in_any_order_end_with_one_schema_that_holds_their_records(
    raws: list[bytes], seed: int, sampled: int
) -> None:
    config = {"database": "rap", "mongodb_connection_string": "x", "schema_strategy": "infer"}
    shuffled = Random(seed).sample(raws, len(raws))
    one = DocumentEncoder(Settings.of(config), "any", raws)
    other = DocumentEncoder(Settings.of(config), "any", shuffled[:sampled])
    for made, order in ((one, raws), (other, shuffled)):
        for raw in order:
            found = json.loads(b"{%b}" % made.encode(raw))
            hold(found, made)
            assert found.keys() == made.schema["properties"].keys()
    assert one.generation == 0
    assert one.schema == other.schema
    assert list(one.schema["properties"]) == list(other.schema["properties"])


KINDS = [ANY, "array", "boolean", "date-time", "integer", "number", "object", "string", "uuid"]


@given(st.sampled_from(KINDS), st.sampled_from(KINDS), st.sampled_from(KINDS))
def test_widening_does_not_depend_on_the_order(one: str, two: str, three: str) -> None:
    assert widest(one, two) == widest(two, one)
    assert widest(widest(one, two), three) == widest(one, widest(two, three))
    assert widest(one, one) == one
