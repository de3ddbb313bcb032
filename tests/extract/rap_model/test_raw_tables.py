"""The raw tables that tap and target really make are those that the dbt source describes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from fixtures.fix_postgres import Database
from mixtape.corpus import Folder, publish
from rap_model.projections import dbt, raw_files

ROOT = Path(__file__).parents[3]
BIN = Path(sys.executable).parent


@pytest.fixture
def loaded(database: Database, tmp_path: Path) -> Database:
    """A database with the authored raps, good and broken, loaded as the project loads them."""
    taps = yaml.safe_load((ROOT / "extract/extractors.meltano.yml").read_text(encoding="utf-8"))[
        "plugins"
    ]["extractors"]
    tap = next(one for one in taps if one["name"] == "tap-files")
    settings = {key: value for key, value in tap["config"].items() if key != "endpoint_url"}
    bucket = tmp_path / "raps"
    publish(ROOT / "extract" / "raps", Folder(bucket), broken=True)
    (tmp_path / "tap.json").write_text(
        json.dumps(settings | {"protocol": "file", "bucket": str(bucket)})
    )
    (tmp_path / "target.json").write_text(
        json.dumps(database.settings | {"default_target_schema": "raw_files"})
    )
    environment = os.environ | {"MELTANO_RUN_ID": "5a0b9d1c-3f0e-4b0e-9a52-0d2b6a4c7e11"}
    messages = b""
    for name in ("tap", "target"):
        program = {"tap": "tap-files", "target": "target-postgres"}[name]
        done = subprocess.run(
            [BIN / program, "--config", tmp_path / f"{name}.json"],
            input=messages,
            capture_output=True,
            env=environment,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()
        messages = done.stdout
    return database


def test_loaded_tables_are_those_of_the_dbt_source(loaded: Database) -> None:
    with loaded.connect() as connection:
        found = connection.execute(
            "select table_name, column_name, data_type from information_schema.columns"
            " where table_schema = 'raw_files'"
        ).fetchall()
        keys = connection.execute(
            "select conrelid::regclass::text, array_agg(attname::text order by place)"
            " from pg_constraint cross join unnest(conkey) with ordinality as key (number, place)"
            " join pg_attribute on attrelid = conrelid and attnum = number"
            " where contype = 'p' and connamespace = 'raw_files'::regnamespace group by 1"
        ).fetchall()
    [source] = dbt.sources()["files"]["sources"]
    assert {
        (table["name"], column["name"], column["data_type"])
        for table in source["tables"]
        for column in table["columns"]
    } == set(found)
    expected_keys = {
        f"raw_files.{table.name}": list(table.key) for table in raw_files.feed().tables
    }
    assert dict(keys) == expected_keys
