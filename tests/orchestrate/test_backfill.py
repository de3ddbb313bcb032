"""What a cluster's backfill asks of a MongoDB job: a new snapshot beside the job's own bookmark."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from mixtape.activity import Application

if TYPE_CHECKING:
    from pymongo.database import Database as Mongo

    from fixtures.fix_meltano import Project
    from fixtures.fix_mongodb import Document, Server

_COLLECTIONS = ("artists", "lyrics", "meetups", "registrations", "plays")
_FAR_LSN = 2**62


def test_snapshot_beside_the_bookmark_brings_all_back_and_replaces_nothing_newer(
    project: Project, mongodb: Server, mongo_database: Mongo[Document]
) -> None:
    begun = Application(mongo_database, seed=7).begin()
    told = {
        "TAP_MONGODB_MONGODB_CONNECTION_STRING": mongodb.uri,
        "TAP_MONGODB_DATABASE": mongo_database.name,
        "MELTANO_STATE_BACKEND_URI": f"s3://{project.bucket}/.state",
        "MELTANO_STATE_BACKEND_S3_ENDPOINT_URL": project.store.endpoint_url,
        "MELTANO_STATE_BACKEND_S3_AWS_ACCESS_KEY_ID": project.store.access_key,
        "MELTANO_STATE_BACKEND_S3_AWS_SECRET_ACCESS_KEY": project.store.secret_key,
    }
    project.run("changes-to-postgres", **told)
    whole = {name: project.business_rows(name, "raw_mongo") for name in _COLLECTIONS}
    bookmark = _states(project)
    # One row is lost, and one is newer than any snapshot can be.
    ((lost,), (newer,)) = project.rows("select _id from raw_mongo.lyrics order by _id limit 2")
    with project.database.connect() as connection:
        connection.execute("delete from raw_mongo.lyrics where _id = %s", (lost,))
        connection.execute(
            "update raw_mongo.lyrics set title = 'newer', _sdc_lsn = %s where _id = %s",
            (_FAR_LSN, newer),
        )

    run_id = str(uuid.uuid4())
    suffix = "backfill-2026-01-01"
    project.run(
        "changes-to-postgres", MELTANO_RUN_ID=run_id, MELTANO_RUN_STATE_ID_SUFFIX=suffix, **told
    )

    rows_in = dict(
        project.rows(f"select stream, rows_in from raw_mongo._sdc_loads where run_id = '{run_id}'")
    )
    assert sum(rows_in[name] for name in _COLLECTIONS) == begun, "everything came again"
    assert project.rows(f"select title from raw_mongo.lyrics where _id = '{newer}'") == [("newer",)]
    for name in _COLLECTIONS:
        missing = set(whole[name]) - set(project.business_rows(name, "raw_mongo"))
        assert len(missing) == (1 if name == "lyrics" else 0), "but for the row that is newer"
    after = _states(project)
    (added,) = after.keys() - bookmark.keys()
    assert suffix in added
    assert {key: after[key] for key in bookmark} == bookmark, "the same bytes"


def _states(project: Project) -> dict[str, bytes]:
    client = project.store.client
    listed = client.list_objects_v2(Bucket=project.bucket, Prefix=".state").get("Contents", [])
    return {
        each["Key"]: client.get_object(Bucket=project.bucket, Key=each["Key"])["Body"].read()
        for each in listed
        if each["Key"].endswith("state.json")
    }
