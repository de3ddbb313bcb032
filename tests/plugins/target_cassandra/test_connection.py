"""Connecting as K8ssandra asks for it: TLS, mutual TLS, roles; every refusal in one line."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import socket
import ssl
import threading
from typing import TYPE_CHECKING, Any

import pytest
import trustme
from cassandra import AuthenticationFailed
from cryptography.hazmat.primitives import serialization

from mixtape.services.cassandra import DATACENTER, Cassandra
from singer_kit.errors import ExitCode
from target_cassandra import TargetCassandra
from target_cassandra.cluster import Connection
from target_cassandra.settings import Settings

from .conftest import Json, Result, Serving, lines, record, schema, state, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SCHEMA = schema("t", {"id": {"type": "integer"}, "name": {"type": "string"}})
MESSAGES = (SCHEMA, record("t", id=1, name="a"), state(t=1))
NAME = "node.cassandra.test"


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def files(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Certificates as a Secret mounts them: ca.crt, tls.crt, tls.key, and wrong ones."""
    folder = tmp_path_factory.mktemp("tls")
    authority.cert_pem.write_to_path(folder / "ca.crt")
    trustme.CA().cert_pem.write_to_path(folder / "stranger.crt")
    yesterday = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
    client = authority.issue_cert("loader@cassandra.test")
    late = authority.issue_cert("loader@cassandra.test", not_after=yesterday)
    for name, one in (("tls", client), ("late", late)):
        one.private_key_pem.write_to_path(folder / f"{name}.key")
        (folder / f"{name}.crt").write_bytes(b"".join(p.bytes() for p in one.cert_chain_pems))
    return folder


def encryption(authority: trustme.CA, folder: Path, **issue: Any) -> Json:
    """Return the node's own options, its key and certificates in PEM."""
    node = authority.issue_cert(NAME, "127.0.0.1", **issue)
    store = folder / f"node-{len(list(folder.iterdir()))}.pem"
    key = serialization.load_pem_private_key(node.private_key_pem.bytes(), None)
    # The only form that Cassandra reads.
    pkcs8 = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    store.write_bytes(pkcs8 + b"".join(part.bytes() for part in node.cert_chain_pems))
    return {
        "enabled": True,
        "optional": False,
        "require_client_auth": True,
        "ssl_context_factory": {
            "class_name": "org.apache.cassandra.security.PEMBasedSslContextFactory"
        },
        "keystore": str(store),
        "truststore": str(folder / "ca.crt"),
    }


@pytest.fixture(scope="module")
def node(
    authority: trustme.CA, files: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Cassandra]:
    """A node that asks every client for a certificate."""
    root = tmp_path_factory.mktemp("mutual")
    server = Cassandra(root, heap="512m", encryption=encryption(authority, files), bare=True)
    server.start()
    yield server
    server.stop()


class Guarded:
    """A target's way to that node."""

    def __init__(self, node: Cassandra, files: Path) -> None:
        self.files = files
        self.config: Json = {
            "contact_points": ["127.0.0.1"],
            "port": node.port,
            "local_dc": DATACENTER,
            "username": "cassandra",
            "password": "cassandra",
            "keyspace": "guarded",
            "create_keyspace": True,
            "replication": {"class": "SimpleStrategy", "replication_factor": 1},
            "create_tables": True,
            "ssl_ca_certificate": str(files / "ca.crt"),
            "ssl_client_certificate": str(files / "tls.crt"),
            "ssl_client_private_key": str(files / "tls.key"),
        }

    def load(self, **config: Any) -> Result:
        serving = Serving.__new__(Serving)
        serving.config = self.config | config
        return serving.load(*MESSAGES)


@pytest.fixture(scope="module")
def guarded(node: Cassandra, files: Path) -> Guarded:
    there = Guarded(node, files)
    # A new server listens before it has made its superuser.
    until(lambda: "wrong user" not in str(there.load().error))
    return there


def refused(result: Result, said: str) -> None:
    assert result.exit_code == ExitCode.TARGET_WRITE
    assert said in str(result.error)
    assert "\n" not in str(result.error)
    assert result.states == []


def test_mutual_tls_from_pem_files(guarded: Guarded) -> None:
    result = guarded.load()
    assert result.error is None
    assert result.states == [{"bookmarks": {"t": 1}}]


def test_one_name_may_stand_for_every_node(guarded: Guarded) -> None:
    assert guarded.load(ssl_server_name=NAME).error is None


def test_a_wrong_host_name_is_refused(guarded: Guarded) -> None:
    refused(guarded.load(ssl_server_name="elsewhere.test"), "Hostname mismatch")
    assert guarded.load(ssl_server_name="elsewhere.test", ssl_verify_hostname=False).error is None


def test_a_certificate_of_a_stranger_is_refused(guarded: Guarded) -> None:
    wrong = str(guarded.files / "stranger.crt")
    refused(guarded.load(ssl_ca_certificate=wrong), "is not to be trusted")


def test_a_client_without_a_certificate_is_refused(guarded: Guarded) -> None:
    refused(guarded.load(ssl_client_certificate=""), "cannot reach Cassandra at 127.0.0.1")


def test_a_clients_expired_certificate_is_refused(guarded: Guarded) -> None:
    late = {
        "ssl_client_certificate": str(guarded.files / "late.crt"),
        "ssl_client_private_key": str(guarded.files / "late.key"),
    }
    refused(guarded.load(**late), "cannot reach Cassandra at 127.0.0.1")


@contextlib.contextmanager
def handshakes(context: ssl.SSLContext) -> Iterator[int]:
    """Listen on a port, and do nothing there but shake hands."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    client, _ = server.accept()
                except OSError:
                    return
                with client, contextlib.suppress(OSError):
                    context.wrap_socket(client, server_side=True).close()

        thread = threading.Thread(target=serve)
        thread.start()
        yield int(server.getsockname()[1])
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


def test_a_nodes_expired_certificate_is_refused(
    authority: trustme.CA, files: Path, tmp_path: Path
) -> None:
    """Only the handshake is asked for, so a listener with such a certificate is enough."""
    yesterday = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1", not_after=yesterday).configure_cert(context)
    with handshakes(context) as port:
        node = Serving.__new__(Serving)
        node.config = {
            "contact_points": ["127.0.0.1"],
            "port": port,
            "local_dc": DATACENTER,
            "keyspace": "guarded",
            "ssl_ca_certificate": str(files / "ca.crt"),
        }
        refused(node.load(*MESSAGES), "certificate has expired")


def test_no_tls_where_tls_is_asked_for_is_refused(guarded: Guarded) -> None:
    refused(guarded.load(ssl_ca_certificate=""), "cannot reach Cassandra at 127.0.0.1")


def test_a_file_that_is_no_pem_is_named(guarded: Guarded, tmp_path: Path) -> None:
    (tmp_path / "ca.crt").write_text("no certificate")
    result = guarded.load(ssl_ca_certificate=str(tmp_path / "ca.crt"))
    assert result.exit_code == ExitCode.CONFIG
    assert str(result.error).startswith("setting 'ssl_ca_certificate': ")


def test_a_bundle_that_is_none_is_named(guarded: Guarded, tmp_path: Path) -> None:
    (tmp_path / "bundle.zip").write_text("no bundle")
    result = guarded.load(secure_connect_bundle=str(tmp_path / "bundle.zip"))
    assert result.exit_code == ExitCode.CONFIG
    assert str(result.error).startswith("setting 'secure_connect_bundle': ")


def test_a_wrong_password_is_one_clear_line(serving: Serving) -> None:
    result = serving.load(*MESSAGES, password="wrong-and-secret")
    refused(result, f"refuses user '{serving.config['username']}': wrong user or password")
    assert "wrong-and-secret" not in str(result.error)


def test_the_password_may_come_from_a_mounted_file_that_changes(
    serving: Serving, tmp_path: Path
) -> None:
    file = tmp_path / "password"
    file.write_text("sesame\n")
    given = {"password": "", "password_file": str(file)}
    refused(serving.load(*MESSAGES, **given), "wrong user or password")
    file.write_text(serving.config["password"] + "\n")
    assert serving.load(*MESSAGES, **given).error is None
    # Each connection reads it again: a secret is replaced while a load goes on.
    config = TargetCassandra(config=serving.config | given).config
    connection = Connection(config, Settings.of(config))
    try:
        file.write_text("sesame")
        with pytest.raises(AuthenticationFailed):
            connection.session.cluster.connection_factory(
                connection.metadata.all_hosts()[0].endpoint
            )
    finally:
        connection.close()


def test_a_password_file_that_is_not_there_is_named(serving: Serving) -> None:
    result = serving.load(*MESSAGES, password_file="/nowhere/password")
    assert result.exit_code == ExitCode.CONFIG
    assert str(result.error).startswith("setting 'password_file': /nowhere/password ")


def test_a_server_that_is_not_there_is_one_clear_line(serving: Serving) -> None:
    refused(serving.load(*MESSAGES, port=1), "cannot reach Cassandra at 127.0.0.1, port 1: ")


def test_another_data_centre_than_there_is_is_one_clear_line(serving: Serving) -> None:
    refused(serving.load(*MESSAGES, local_dc="nowhere"), "in data centre 'nowhere'")


def test_a_probe_shows_the_cluster_and_what_differs(serving: Serving, tmp_path: Path) -> None:
    serving.load(SCHEMA)
    table = {"stream": "t", "table": "t", "partition_key": ["id"], "columns": ["name"]}
    good = serving.start(tmp_path, None, "--test", tables=[table])
    out, err = good.communicate()
    assert good.returncode == 0, err
    found = json.loads(out)
    assert found["version"].startswith("5.")
    assert found["nodes"] == {DATACENTER: 1}
    assert found["schema_agreement"] is True
    assert found["permissions"]
    other = {**table, "partition_key": ["name"]}
    bad = serving.start(tmp_path, None, "--test", tables=[other])
    out, err = bad.communicate(lines([]))
    assert bad.returncode == ExitCode.TARGET_WRITE
    [difference] = json.loads(out)["differences"]
    assert "has another key than (name)" in difference
    assert "PRIMARY KEY ((id))" in difference
