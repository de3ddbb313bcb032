"""The project's tables as CQL: in step with settings and model, and what the target would make."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import yaml

from mixtape.services.cassandra import make_tables
from rap_model.projections import cql
from rap_model.streams import STREAMS
from target_cassandra import ddl

if TYPE_CHECKING:
    from .conftest import Serving


def test_committed_tables_are_what_settings_and_model_say() -> None:
    assert ddl.TARGET.read_text(encoding="utf-8") == ddl.text()


def test_types_are_those_of_the_models_own_projection() -> None:
    known: dict[str, set[str]] = {}
    for stream in STREAMS:
        for name, said in cql.column_types(stream.model).items():
            known.setdefault(name, set()).add(said)
    columns = re.findall(r"^    ([a-z_]+) (.+?),?$", ddl.text(), re.MULTILINE)
    named = [(name, said) for name, said in columns if name in known]
    assert len(named) > 40
    assert [(name, said) for name, said in named if said not in known[name]] == []


def test_tables_made_from_the_file_are_taken_as_they_are(serving: Serving) -> None:
    make_tables(serving.keyspace.session, serving.keyspace.name)
    loaders = yaml.safe_load(ddl.LOADERS.read_text(encoding="utf-8"))["plugins"]["loaders"]
    [config] = [one["config"] for one in loaders if one["name"] == "target-cassandra"]
    tables = {"tables": config["tables"], "create_tables": False}
    for path in sorted(ddl.SCHEMAS.glob("*/generated/singer/*.json")):
        stream = yaml.safe_load(path.read_text(encoding="utf-8"))
        message = {
            "type": "SCHEMA",
            "stream": stream["stream"],
            "schema": stream["schema"],
            "key_properties": stream["key_properties"],
        }
        assert serving.load(message, **tables).error is None
