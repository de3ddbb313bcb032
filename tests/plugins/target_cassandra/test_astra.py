"""A bundle as Astra gives it: a service that tells the nodes, and a proxy that asks for a name."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest
import trustme

from mixtape.services.cassandra import DATACENTER
from singer_kit.errors import ExitCode

from .conftest import lines, record, schema, state

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .conftest import Serving

SCHEMA = schema("t", {"id": {"type": "integer"}, "name": {"type": "string"}})
MESSAGES = lines([SCHEMA, *(record("t", id=n, name=f"n{n}") for n in range(50)), state(t=1)])


class Proxy:
    """Takes TLS connections from clients with a certificate to a server without; knows names."""

    def __init__(self, context: ssl.SSLContext, port: int) -> None:
        self.names: set[str | None] = set()
        self._to = port
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._server.getsockname()[1])
        self._context = context
        context.sni_callback = lambda _, name, __: self.names.add(name)
        self._threads = [threading.Thread(target=self._serve)]
        self._sockets: list[socket.socket] = []
        self._threads[0].start()

    def _serve(self) -> None:
        while True:
            try:
                plain, _ = self._server.accept()
                client = self._context.wrap_socket(plain, server_side=True)
            except ssl.SSLError:
                continue
            except OSError:
                return
            node = socket.create_connection(("127.0.0.1", self._to))
            self._sockets += [client, node]
            for source, target in ((client, node), (node, client)):
                self._threads.append(threading.Thread(target=_pipe, args=(source, target)))
                self._threads[-1].start()

    def close(self) -> None:
        """Leave nothing open."""
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        for one in self._sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        for one in self._sockets:
            one.close()


def _pipe(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65_536):
            target.sendall(data)
        target.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def metadata_service(context: ssl.SSLContext, told: dict[str, object]) -> Iterator[int]:
    """Answer on a port of its own what a bundle's reader asks for."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps({"version": 1, "contact_info": told}).encode()
            self.send_response(200 if self.path == "/metadata" else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def guarded(authority: trustme.CA) -> ssl.SSLContext:
    """Return a server's context that asks for a client's certificate."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def bundle(folder: Path, authority: trustme.CA, port: int) -> Path:
    """Return a bundle in a folder that nobody may write to, as a secret is mounted."""
    mounted = folder / "mounted"
    mounted.mkdir()
    client = authority.issue_cert("client@astra.test")
    with zipfile.ZipFile(mounted / "bundle.zip", "w") as packed:
        packed.writestr("config.json", json.dumps({"host": "127.0.0.1", "port": port}))
        packed.writestr("ca.crt", authority.cert_pem.bytes())
        packed.writestr("cert", b"".join(part.bytes() for part in client.cert_chain_pems))
        packed.writestr("key", client.private_key_pem.bytes())
    mounted.chmod(0o500)
    return mounted / "bundle.zip"


def test_a_bundle_leads_through_the_proxy_to_each_node_by_its_name(
    serving: Serving, authority: trustme.CA, tmp_path: Path
) -> None:
    [node] = serving.keyspace.session.execute("SELECT host_id FROM system.local")
    name = str(node.host_id)
    proxy = Proxy(guarded(authority), serving.config.pop("port"))
    told: dict[str, object] = {
        "type": "sni_proxy",
        "local_dc": DATACENTER,
        "contact_points": [name],
        "sni_proxy_address": f"127.0.0.1:{proxy.port}",
    }
    del serving.config["contact_points"]
    try:
        with metadata_service(guarded(authority), told) as port:
            path = bundle(tmp_path, authority, port)
            result = serving.run(tmp_path, MESSAGES, secure_connect_bundle=str(path))
    finally:
        proxy.close()
    assert result.exit_code == 0, result.log
    assert result.states == [{"bookmarks": {"t": 1}}]
    assert len(serving.rows("t")) == 50
    assert proxy.names == {name}
    assert [one.name for one in path.parent.iterdir()] == ["bundle.zip"]


def test_a_service_that_does_not_answer_is_one_clear_line(
    serving: Serving, authority: trustme.CA, tmp_path: Path
) -> None:
    path = bundle(tmp_path, authority, 1)
    result = serving.run(tmp_path, MESSAGES, secure_connect_bundle=str(path))
    assert result.exit_code == ExitCode.CONFIG
    assert result.last_line["message"].startswith("setting 'secure_connect_bundle': ")
    assert "127.0.0.1:1/metadata" in result.last_line["message"]
    assert "Traceback" not in result.log
