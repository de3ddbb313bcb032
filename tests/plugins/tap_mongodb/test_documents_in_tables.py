"""From a document in MongoDB to a row in PostgreSQL, both real."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from bson import Binary, CodecOptions, Regex
from bson.raw_bson import RawBSONDocument
from psycopg import sql
from psycopg.rows import dict_row
from pymongo.errors import OperationFailure

from fixtures.bson_documents import OBJECT_ID, TYPES, UUID
from fixtures.mongo_tapped import Tapped
from rap_model import derive_id
from tap_mongodb.extended_json_reader import read_member

if TYPE_CHECKING:
    from pymongo.database import Database as Mongo

    from fixtures.fix_mongodb import Document, Server
    from fixtures.fix_postgres import Database

TARGET = Path(sys.executable).with_name("target-postgres")
MOMENT = datetime(2026, 3, 19, 18, tzinfo=UTC)
RAW: CodecOptions[RawBSONDocument] = CodecOptions(document_class=RawBSONDocument)
OWN = ("_sdc_extracted_at", "_sdc_received_at", "_sdc_batched_at", "_sdc_deleted_at")


class Pipeline:
    """The tap and the target as processes, with a pipe between them."""

    def __init__(self, mongo: Tapped, database: Database, folder: Path) -> None:
        self.mongo = mongo
        self.database = database
        self._folder = folder
        self._state: dict[str, Any] | None = None

    def run(self, **settings: Any) -> None:
        """Run once to the end, from where the last run ended."""
        config = self._folder / "target.json"
        config.write_text(
            json.dumps({**self.database.settings, "default_target_schema": "raw", "run_id": "1"})
        )
        with (
            self.mongo.start(self._folder, self._state, **settings) as tap,
            subprocess.Popen(
                [TARGET, "--config", str(config)], stdin=tap.stdout, stdout=subprocess.PIPE
            ) as target,
        ):
            assert tap.stdout is not None
            tap.stdout.close()
            out, _ = target.communicate(timeout=120)
            assert tap.stderr is not None
            said = tap.stderr.read().decode()
        assert (tap.returncode, target.returncode) == (0, 0), said
        self._state = json.loads(out.splitlines()[-1])

    def rows(self, table: str) -> list[dict[str, Any]]:
        """Return a table's rows without the loader's own columns, by key."""
        with psycopg.connect(self.database.uri, row_factory=dict_row) as connection:
            connection.execute("set timezone to 'UTC'")
            found = connection.execute(
                sql.SQL("select * from raw.{} order by 1").format(sql.Identifier(table))
            ).fetchall()
        return [
            {name: value for name, value in row.items() if name not in OWN and "_sdc_l" not in name}
            for row in found
        ]

    def types(self, table: str) -> dict[str, str]:
        """Return the types of a table's columns, but the loader's own."""
        with self.database.connect() as connection:
            found = connection.execute(
                "select column_name, data_type from information_schema.columns"
                " where table_schema = 'raw' and table_name = %s",
                (table,),
            )
            return {name: said for name, said in found if not name.startswith("_sdc_")}


@pytest.fixture
def pipeline(
    mongodb: Server, mongo_database: Mongo[Document], database: Database, tmp_path: Path
) -> Pipeline:
    return Pipeline(Tapped(mongodb.uri, mongo_database), database, tmp_path)


def _with_key(raw: bytes, key: str) -> bytes:
    body = read_member("_id", json.dumps(key))[4:-1] + raw[4:]
    return (len(body) + 4).to_bytes(4, "little") + body


@pytest.mark.parametrize("mode", ["plain", "canonical_extjson"])
def test_every_type_is_in_its_column_as_it_is_written(pipeline: Pipeline, mode: str) -> None:
    name = mode.removesuffix("_extjson")
    collection = pipeline.mongo.database.get_collection("types", RAW)
    wanted = {}
    for case in TYPES:
        key = f"a {case.name}"
        document = RawBSONDocument(_with_key(case.raw, key))
        # A server may refuse a deprecated type, or keep it as its successor.
        with contextlib.suppress(OperationFailure):
            collection.insert_one(document)
            if collection.find_one({"_id": key}) == document:
                wanted[key] = {"_id": key, **_exactly(getattr(case, name))}
            else:
                collection.delete_one({"_id": key})
    assert len(wanted) > 0.8 * len(TYPES)
    pipeline.run(bson_mode=mode)
    with pipeline.database.connect() as connection:
        rows = connection.execute("select _id, document::text from raw.types").fetchall()
    found = {key: _exactly(document) for key, document in rows}
    # The target replaces what PostgreSQL's text cannot hold.
    wanted["a string: with a NUL"]["v"] = found["a string: with a NUL"]["v"]
    assert found == wanted


def _exactly(text: str | bytes) -> dict[str, Any]:
    """Return what a JSON text says, its numbers as written and not as a double."""
    said: dict[str, Any] = json.loads(text, parse_float=Decimal, parse_int=Decimal)
    return said


def test_declared_documents_have_the_contracts_columns_and_faults_their_rows(
    pipeline: Pipeline,
) -> None:
    database = pipeline.mongo.database
    play = {"lyric_id": Binary.from_uuid(UUID), "played_at": MOMENT, "duration_ms": 1000}
    database["plays"].insert_many(
        [
            {"_id": Binary.from_uuid(UUID), **play, "mood": "low"},
            {"_id": OBJECT_ID, **play, "duration_ms": "long"},
        ]
    )
    database["artists"].insert_one({"_id": OBJECT_ID, "name": " MC  Quorum", "updated_at": MOMENT})
    models = {"plays": "rap_model.Play", "artists": "rap_model.Artist"}
    settings = {
        "schema_strategy": "declared",
        "contract_mode": "quarantine",
        "contract_models": models,
    }
    pipeline.run(**settings)
    (row,) = pipeline.rows("plays")
    assert row == {
        "_id": '{"$binary":{"base64":"bx96UixbXQ6MYwuKSjudEQ==","subType":"04"}}',
        "play_id": UUID,
        "lyric_id": UUID,
        "artist_id": None,
        "played_at": MOMENT,
        "duration_ms": 1000,
        "country": None,
        "client": None,
        "_sdc_extra": {"mood": "low"},
        "_sdc_sequence": row["_sdc_sequence"],
        "_sdc_table_version": row["_sdc_table_version"],
    }
    (artist,) = pipeline.rows("artists")
    assert artist["artist_id"] == derive_id("artist", "mc quorum")
    faults = pipeline.rows("plays__rejected")
    key = f"{database.name}.plays/{OBJECT_ID}"
    assert {(fault["source_key"], fault["error_path"]) for fault in faults} == {
        (key, "$.play_id"),
        (key, "$.duration_ms"),
    }
    assert faults[0]["payload"]["duration_ms"] == "long"

    # Mended, it is a row; and a delete takes its row although it brings the key alone.
    database["plays"].update_one(
        {"_id": OBJECT_ID}, {"$set": {"duration_ms": 5, "play_id": str(UUID)}}
    )
    database["artists"].delete_one({})
    pipeline.run(**settings)
    assert [row["duration_ms"] for row in pipeline.rows("plays")] == [5, 1000]
    with pipeline.database.connect() as connection:
        deleted = connection.execute("select count(_sdc_deleted_at) from raw.artists").fetchone()
    assert deleted == (1,)


def test_inferred_columns_grow_between_runs_and_lose_what_a_document_lost(
    pipeline: Pipeline,
) -> None:
    songs = pipeline.mongo.database["songs"]
    songs.insert_many(
        [{"_id": 1, "title": "a", "plays": 1}, {"_id": 2, "title": "b", "at": MOMENT}]
    )
    pipeline.run(schema_strategy="infer")
    assert pipeline.types("songs") == {
        "_id": "text",
        "at": "timestamp with time zone",
        "plays": "bigint",
        "title": "text",
    }
    songs.replace_one({"_id": 1}, {"title": "a", "plays": 1.5, "tag": Regex("x")})
    songs.replace_one({"_id": 2}, {"title": "b"})
    pipeline.run(schema_strategy="infer")
    assert pipeline.types("songs") == {
        "_id": "text",
        "at": "timestamp with time zone",
        "plays": "numeric",
        "tag": "jsonb",
        "title": "text",
    }
    one, two = pipeline.rows("songs")
    assert (one["title"], float(one["plays"]), one["at"]) == ("a", 1.5, None)
    assert one["tag"] == {"$regularExpression": {"pattern": "x", "options": ""}}
    assert (two["title"], two["plays"], two["at"], two["tag"]) == ("b", None, None, None)
