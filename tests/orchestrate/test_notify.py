"""The exit handler says what failed, once, to the log and to a webhook; never the secret in it."""

from __future__ import annotations

import json
import ssl
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import pytest
import trustme

from mixtape import notify

if TYPE_CHECKING:
    from collections.abc import Iterator

_FAILURES = [
    {"displayName": "files-x(1)", "templateName": "tap-files-target-postgres", "message": "boom"}
]


class Webhook(HTTPServer):
    """A server on this machine that keeps what it is sent."""

    received: list[dict[str, Any]]
    answer = 200

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.server_port}/hooks/s3cr3t"


class _Handler(BaseHTTPRequestHandler):
    server: Webhook

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.received.append(json.loads(body))
        self.send_response(self.server.answer)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Stay silent."""


@pytest.fixture
def webhook(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Iterator[Webhook]:
    authority = trustme.CA()
    trusted = tmp_path / "ca.crt"
    authority.cert_pem.write_to_path(str(trusted))
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    server = Webhook(("127.0.0.1", 0), _Handler)
    server.received = []
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("MIXTAPE_WEBHOOK_URL", server.url)
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(autouse=True)
def failed_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MIXTAPE_WEBHOOK_URL", raising=False)
    monkeypatch.setenv("MIXTAPE_STATUS", "Failed")
    monkeypatch.setenv("MIXTAPE_WORKFLOW", "files-1")
    monkeypatch.setenv("MIXTAPE_RUN_ID", "7f0c")
    monkeypatch.setenv("MIXTAPE_SECONDS", "12.5")
    monkeypatch.setenv("MIXTAPE_FAILURES", json.dumps(json.dumps(_FAILURES)))


EXPECTED = {
    "event": "run failed",
    "level": "error",
    "workflow": "files-1",
    "run_id": "7f0c",
    "status": "Failed",
    "seconds": 12.5,
    "failures": [{"step": "tap-files-target-postgres", "message": "boom"}],
}


def test_without_a_webhook_the_failure_is_one_json_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert notify.notify() == 0
    captured = capsys.readouterr()
    assert json.loads(captured.err) == EXPECTED
    assert captured.out == ""


def test_webhook_is_sent_the_same(webhook: Webhook) -> None:
    assert notify.notify() == 0
    assert webhook.received == [EXPECTED]


def test_webhook_that_refuses_is_told_apart(
    webhook: Webhook, capsys: pytest.CaptureFixture[str]
) -> None:
    webhook.answer = 503
    assert notify.notify() == notify.EXIT_UNREACHABLE
    said = capsys.readouterr().err
    assert "answered 503" in said
    assert "s3cr3t" not in said


def test_webhook_with_a_certificate_of_somebody_else_is_not_trusted(
    webhook: Webhook, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    assert notify.notify() == notify.EXIT_UNREACHABLE
    assert webhook.received == []
    assert "s3cr3t" not in capsys.readouterr().err


def test_webhook_without_tls_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MIXTAPE_WEBHOOK_URL", "http://127.0.0.1/s3cr3t")
    assert notify.notify() == notify.EXIT_UNREACHABLE
    said = capsys.readouterr().err
    assert "https://" in said
    assert "s3cr3t" not in said


@pytest.mark.parametrize("text", ["", "null", "{{workflow.failures}}"])
def test_failures_that_argo_did_not_fill_in_are_no_fault(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MIXTAPE_FAILURES", text)
    assert notify.notify() == 0
