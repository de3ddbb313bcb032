"""An upload starts a run within seconds; a thousand start a handful, and none is missed."""

from __future__ import annotations

import concurrent.futures
import os
import secrets
import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from mixtape.render import events
from orchestrate.cluster.corpus import many
from orchestrate.cluster.kube import ENDED, Object, await_
from orchestrate.cluster.notifying_minio import ARN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_s3.type_defs import NotificationConfigurationTypeDef

    from orchestrate.cluster.notifying_minio import NotifyingMinio
    from orchestrate.cluster.platform import Platform
    from orchestrate.cluster.runs import Cluster

pytestmark = pytest.mark.cluster

_SCHEDULE = "mixtape/schedule"
_SENSOR = "files-on-upload"
_QUIET_SECONDS = 40
_TELL: NotificationConfigurationTypeDef = {
    "QueueConfigurations": [{"QueueArn": ARN, "Events": ["s3:ObjectCreated:*"]}]
}


@pytest.fixture(scope="module")
def uploads(cluster: Cluster, platform: Platform, notifying: NotifyingMinio) -> Iterator[None]:
    """The bucket tells the event source of each upload."""
    kube = cluster.kube
    user, _, password = os.environ["MIXTAPE_CLUSTER_BUS_LOGIN"].partition(":")
    authority = Path(os.environ["MIXTAPE_CLUSTER_BUS_CA"]).read_text()
    own = platform.authority.issue_cert("127.0.0.1")
    secret = {
        events.BUS_SECRET: {
            "auth": yaml.safe_dump({"username": user, "password": password}),
            "ca.crt": authority,
        },
        events.WEBHOOK_SECRET: {
            "token": notifying.token,
            "tls.crt": "".join(pem.bytes().decode() for pem in own.cert_chain_pems),
            "tls.key": own.private_key_pem.bytes().decode(),
        },
    }
    for name, values in secret.items():
        kube.apply(
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": name},
                "stringData": values,
            }
        )
    pods = ({"eventsource-name": events.SOURCE}, {"sensor-name": _SENSOR})
    await_(
        lambda: all(_ready(cluster, labels) for labels in pods) or None,
        180,
        lambda: kube("get", "pods,eventbus,eventsource,sensor", "--output", "yaml"),
    )
    # Ready is what has started. A sensor is then elected, and is told what comes after it asked.
    sensor = ("logs", "--selector", f"sensor-name={_SENSOR}", "--tail=-1")
    await_(lambda: "Subscribing to subject" in kube(*sensor) or None, 60, lambda: kube(*sensor))
    with kube.forwarded(f"service/{events.SERVICE}", notifying.webhook_port, events.WEBHOOK_PORT):
        client = platform.store.client
        client.put_bucket_notification_configuration(
            Bucket=platform.raps, NotificationConfiguration=_TELL
        )
        yield
        client.put_bucket_notification_configuration(
            Bucket=platform.raps, NotificationConfiguration={}
        )


@pytest.mark.usefixtures("uploads")
def test_upload_starts_a_run_within_seconds(cluster: Cluster) -> None:
    before = _woken(cluster)
    began = time.monotonic()
    cluster.put(many(f"one-{secrets.token_hex(4)}", 1))
    new = await_(lambda: _woken(cluster)[len(before) :] or None, 60)
    assert time.monotonic() - began < 30
    cluster.succeeded(new[0]["metadata"]["name"])
    _await_quiet(cluster)


@pytest.mark.usefixtures("uploads")
def test_thousand_uploads_start_few_runs_and_all_are_loaded(cluster: Cluster) -> None:
    before = _woken(cluster)
    prefix = f"burst-{secrets.token_hex(4)}"
    began = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for _ in pool.map(lambda item: cluster.put(dict([item])), many(prefix, 1000).items()):
            pass
    uploaded = time.time()
    assert time.monotonic() - began < 60
    _await_quiet(cluster)
    new = _woken(cluster)[len(before) :]
    assert 1 <= len(new) <= 5
    started = _seconds(new[-1]["metadata"]["creationTimestamp"])
    assert started >= int(uploaded) - 1, "the last run came after the last upload"
    assert all(each["status"]["phase"] == "Succeeded" for each in new)
    assert cluster.rows(
        "select count(distinct _sdc_source_file) from raw_files.artists"
        f" where _sdc_source_file like 'artists/{prefix}-%'"
    ) == [(1000,)]


@pytest.mark.usefixtures("uploads")
def test_repeated_event_finds_nothing_to_do(cluster: Cluster) -> None:
    files = many("again", 1)
    cluster.put(files)
    _await_quiet(cluster)
    before = _woken(cluster)
    cluster.put(files)
    (new, *_) = await_(lambda: _woken(cluster)[len(before) :] or None, 90)
    cluster.succeeded(new["metadata"]["name"])
    uid = new["metadata"]["uid"]
    assert cluster.rows(
        f"select coalesce(sum(rows_inserted), 0) from raw_files._sdc_loads where run_id = '{uid}'"
    ) == [(0,)]


def _woken(cluster: Cluster) -> list[Object]:
    """Return the Workflows that uploads started."""
    found = cluster.kube.of("workflow", **{_SCHEDULE: "files"})
    return [each for each in found if each["metadata"]["name"].startswith(f"{_SENSOR}-")]


def _await_quiet(cluster: Cluster) -> None:
    """Return once every started run has ended and no other has begun for a while."""
    seen: dict[str, Any] = {"count": -1, "since": time.monotonic()}

    def quiet() -> bool | None:
        found = _woken(cluster)
        running = [each for each in found if each.get("status", {}).get("phase") not in ENDED]
        if running or len(found) != seen["count"]:
            seen.update(count=len(found), since=time.monotonic())
        return time.monotonic() - seen["since"] > _QUIET_SECONDS or None

    await_(quiet, 400)


def _ready(cluster: Cluster, labels: dict[str, str]) -> bool:
    return any(
        each["type"] == "Ready" and each["status"] == "True"
        for pod in cluster.kube.of("pod", **labels)
        for each in pod["status"].get("conditions", ())
    )


def _seconds(timestamp: str) -> float:
    return datetime.fromisoformat(timestamp).timestamp()
