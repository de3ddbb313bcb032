"""`mixtape report`: where it reads, where it writes, and what it says when it cannot."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import psycopg
import pytest
from click.testing import CliRunner
from psycopg import conninfo

from mixtape.cli import cli
from mixtape.report import facts
from mixtape.services import ServiceError
from mixtape.services.postgres import make_roles
from orchestrate.report.public_marts import PublicMarts

if TYPE_CHECKING:
    from pathlib import Path

    from fixtures.fix_meltano import Project
    from fixtures.fix_object_store import Store
    from fixtures.fix_postgres import Database

READ = (
    "fct_loads",
    "metric_active_artists",
    "metric_load_lag_p95",
    "metric_meetup_attendance_rate",
    "metric_plays",
    "metric_songs_released",
)


def test_the_page_and_its_days_copy_are_put_into_the_bucket(
    marts: PublicMarts, object_store: Store, bucket: str
) -> None:
    environment = {
        **marts.environment,
        "S3_ENDPOINT_URL": object_store.endpoint_url,
        "AWS_ACCESS_KEY_ID": object_store.access_key,
        "AWS_SECRET_ACCESS_KEY": object_store.secret_key,
        "MIXTAPE_REPORT_OUT": f"s3://{bucket}/health",
    }
    done = CliRunner(env=environment).invoke(cli, ["report"])
    assert done.exit_code == 0, done.output
    day = f"health/report-{marts.facts().at:%Y-%m-%d}.html"
    assert done.stdout.splitlines() == [f"s3://{bucket}/health/report.html", f"s3://{bucket}/{day}"]
    newest, dated = (
        object_store.client.get_object(Bucket=bucket, Key=key)
        for key in ("health/report.html", day)
    )
    assert newest["ContentType"] == "text/html; charset=utf-8"
    body = newest["Body"].read()
    assert body == dated["Body"].read()
    assert b"Nothing was loaded yet." in body


def test_meltanos_job_writes_the_report(project: Project, project_root: Path) -> None:
    PublicMarts(project.database, project_root)
    project.run("report", MIXTAPE_REPORT_OUT=f"s3://{project.bucket}")
    listed = project.store.client.list_objects_v2(Bucket=project.bucket)["Contents"]
    assert len(listed) == 2
    assert "report.html" in {each["Key"] for each in listed}


def test_it_reads_the_metrics_and_the_loads_and_nothing_else(
    database: Database, marts: PublicMarts
) -> None:
    role = f"only_{os.urandom(4).hex()}"
    with database.connect() as connection:
        connection.execute(f"create role {role} login password 'only'".encode())
        connection.execute(f"grant usage on schema marts to {role}".encode())
        for relation in READ:
            connection.execute(f"grant select on marts.{relation} to {role}".encode())
    uri = conninfo.make_conninfo(database.uri, user=role, password="only")
    with facts.connect({"BI_READER_URI": uri}) as connection:
        assert facts.read(connection).plays == []
    with database.connect() as connection:
        connection.execute(f"drop owned by {role}".encode())
        connection.execute(f"drop role {role}".encode())


def test_it_can_only_read_and_sees_one_moment(marts: PublicMarts) -> None:
    with facts.connect(marts.environment) as connection:
        found = connection.execute(
            "select current_user, current_setting('transaction_read_only'),"
            " current_setting('transaction_isolation')"
        )
        assert found.fetchone() == ("bi_reader", "on", "repeatable read")


def test_libpqs_own_variables_lead_there_too(
    marts: PublicMarts, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = conninfo.conninfo_to_dict(marts.environment["BI_READER_URI"])
    for name, key in {
        "PGHOST": "host", "PGPORT": "port", "PGDATABASE": "dbname", "PGPASSWORD": "password",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, str(parts[key]))
    with facts.connect({}) as connection:
        assert connection.info.user == "bi_reader"


def test_a_folder_takes_the_report_where_there_is_no_store(
    marts: PublicMarts, tmp_path: Path
) -> None:
    done = CliRunner(env=marts.environment).invoke(cli, ["report", "--out", str(tmp_path / "new")])
    assert done.exit_code == 0, done.output
    assert len([*(tmp_path / "new").iterdir()]) == 2


def test_an_unbuilt_warehouse_is_said_in_one_line(database: Database) -> None:
    make_roles(database.uri)
    with (
        psycopg.connect(database.uri) as connection,
        pytest.raises(ServiceError, match=r"^the warehouse is not built yet \(.*metric_plays.*run"),
    ):
        facts.read(connection)


def test_a_warehouse_that_does_not_answer_is_said_in_one_line() -> None:
    with pytest.raises(ServiceError, match=r"^the warehouse cannot be reached \(.*PGHOST"):
        facts.connect({"BI_READER_URI": "postgresql://bi_reader@127.0.0.1:1/mixtape"})


def test_a_store_that_takes_nothing_is_said_in_one_line(
    marts: PublicMarts, object_store: Store, bucket: str
) -> None:
    environment = {
        **marts.environment,
        "S3_ENDPOINT_URL": object_store.endpoint_url,
        "AWS_ACCESS_KEY_ID": "nobody",
        "AWS_SECRET_ACCESS_KEY": "secret",
    }
    done = CliRunner(env=environment).invoke(cli, ["report", "--out", f"s3://{bucket}"])
    assert isinstance(done.exception, ServiceError)
    assert f"cannot be put into bucket {bucket} at {object_store.endpoint_url}" in str(
        done.exception
    )
    assert "secret" not in str(done.exception)
