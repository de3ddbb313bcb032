"""What a BI tool on JDBC sees as the BI role, through PostgreSQL's own driver on Java 17."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from psycopg import conninfo

from mixtape.services.cassandra_jars import jars, java
from transform.bi.queries import FOLDER

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def seen(bi_reader_uri: str, project_root: Path) -> dict[str, Any]:
    """What the client saw."""
    program = java()
    assert program is not None
    (library,) = program.resolve().parents[1].glob("lib/server/libjvm.so")
    (jar,) = jars(HERE / "postgresql_jdbc.lock")
    of = conninfo.conninfo_to_dict(bi_reader_uri)
    url = f"jdbc:postgresql://{of['host']}:{of['port']}/{of['dbname']}"
    files = sorted((project_root / FOLDER).rglob("*.sql"))
    done = subprocess.run(
        [
            sys.executable, HERE / "jdbc_client.py", library, jar,
            url, str(of["user"]), str(of["password"]), *files,
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_the_catalogue_comes_with_its_comments(seen: dict[str, Any]) -> None:
    assert len(seen["tables"]) >= 20
    assert seen["tables"]["fct_plays"].startswith("One row per ")
    assert [name for name, remarks in seen["tables"].items() if not remarks] == []
    assert [(table, name) for table, name, remarks in seen["columns"] if not remarks] == []


def test_keys_are_there_to_draw_joins_from(seen: dict[str, Any]) -> None:
    keyless = {name for name, columns in seen["primary_keys"].items() if not columns}
    assert keyless == {name for name in seen["tables"] if name.startswith("metric_")}
    assert set(seen["primary_keys"]["fct_lyric_days"]) == {"lyric_id", "played_on"}
    assert ["lyric_id", "dim_lyrics", "lyric_id"] in seen["imported_keys"]["fct_plays"]
    unjoined = {
        name for name, keys in seen["imported_keys"].items() if name.startswith("fct_") and not keys
    }
    assert unjoined == {"fct_loads", "fct_rap_changes"}


def test_each_exposures_queries_are_answered(seen: dict[str, Any]) -> None:
    answers = {Path(file).stem: answer for file, answer in seen["answers"].items()}
    assert len(answers) >= 13
    assert [name for name, answer in answers.items() if not answer["rows"]] == []
    assert answers["plays_by_day"]["columns"] == ["played_on", "plays"]
