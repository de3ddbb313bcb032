"""Who may read what, and over which connection: credentials, the policy we ship, TLS."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import boto3
import pytest
import trustme
from botocore.client import BaseClient
from botocore.exceptions import ClientError

from fixtures.fix_object_store import Store
from fixtures.singer import run_tap
from fixtures.tapped import SONGS, Bucket
from mixtape.services.minio import Minio
from singer_kit.errors import ConfigError, SourceUnreachableError
from tap_files import TapFiles, s3

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from mypy_boto3_s3 import S3Client

FAR = {"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": "none"}
KEYS = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")


@pytest.fixture(autouse=True)
def _no_credentials_but_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in FAR.items():
        monkeypatch.setenv(name, value)


def policy(bucket: str, project_root: Path, *names: str) -> dict[str, Any]:
    """Return the shipped policies together, for ``bucket`` and the prefix ``songs/``."""
    statements: list[Any] = []
    for name in names:
        text = (project_root / "docs" / "connectors" / name).read_text()
        statements += json.loads(text.replace("raps", bucket).replace("lyrics/", "songs/"))[
            "Statement"
        ]
    return {"Version": "2012-10-17", "Statement": statements}


def keys_with(s3: Bucket, allowed: dict[str, Any]) -> dict[str, Any]:
    """Return credentials that the store limits to a policy."""
    sts = boto3.client(
        "sts",
        endpoint_url=s3.store.endpoint_url,
        region_name="us-east-1",
        aws_access_key_id=s3.store.access_key,
        aws_secret_access_key=s3.store.secret_key,
    )
    found = sts.assume_role(
        RoleArn="arn:aws:iam::123456789012:role/any",
        RoleSessionName="tap-files",
        Policy=json.dumps(allowed),
    )["Credentials"]
    return dict(
        zip(
            KEYS,
            (found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"]),
            strict=True,
        )
    )


def client_with(s3: Bucket, keys: dict[str, Any]) -> S3Client:
    return boto3.client("s3", endpoint_url=s3.store.endpoint_url, region_name="us-east-1", **keys)


def test_the_policy_allows_one_prefix_to_be_read_and_nothing_else(
    s3: Bucket, project_root: Path
) -> None:
    s3.put("songs/a.yaml", "title: one")
    s3.put("secrets/a.yaml", "title: secret")
    keys = keys_with(s3, policy(s3.bucket, project_root, "tap-files.policy.json"))
    output = s3.tap(**keys)
    assert output.counts() == {"songs": 1, "_files": 1}
    client = client_with(s3, keys)
    own: dict[str, Any] = {"Bucket": s3.bucket, "Key": "songs/a.yaml"}
    client.get_object(**own)
    other = "another-bucket-" + s3.bucket
    s3.store.client.create_bucket(Bucket=other)
    s3.store.client.put_object(Bucket=other, Key="songs/a.yaml", Body=b"x")
    refused: list[Callable[[], Any]] = [
        lambda: client.get_object(Bucket=s3.bucket, Key="secrets/a.yaml"),
        lambda: client.list_objects_v2(Bucket=s3.bucket),
        lambda: client.list_objects_v2(Bucket=s3.bucket, Prefix="secrets/"),
        lambda: client.list_objects_v2(Bucket=s3.bucket, Prefix="song"),
        lambda: client.list_object_versions(Bucket=s3.bucket, Prefix="secrets/"),
        lambda: client.put_object(**own, Body=b"x"),
        lambda: client.copy_object(**own, CopySource=f"{s3.bucket}/songs/a.yaml"),
        lambda: client.delete_object(**own),
        lambda: client.put_object_tagging(**own, Tagging={"TagSet": []}),
        lambda: client.get_bucket_policy(Bucket=s3.bucket),
        lambda: client.delete_bucket(Bucket=s3.bucket),
        lambda: client.create_bucket(Bucket="new-" + s3.bucket),
        lambda: client.list_objects_v2(Bucket=other, Prefix="songs/"),
        lambda: client.get_object(Bucket=other, Key="songs/a.yaml"),
        lambda: client.put_object(Bucket=other, Key="songs/b.yaml", Body=b"x"),
    ]
    try:
        for number, call in enumerate(refused):
            with pytest.raises(ClientError) as error:
                call()
            assert error.value.response["Error"]["Code"] == "AccessDenied", number
    finally:
        s3.store.empty(other)
        s3.store.client.delete_bucket(Bucket=other)
    assert s3.tap().records("songs")[0]["document"] == {"title": "one"}


def test_a_prefix_that_the_policy_does_not_name_is_refused_with_what_is_missing(
    s3: Bucket, project_root: Path
) -> None:
    keys = keys_with(s3, policy(s3.bucket, project_root, "tap-files.policy.json"))
    output = run_tap(TapFiles, s3.config(streams=[{"name": "all", "prefix": ""}], **keys))
    assert isinstance(output.error, SourceUnreachableError)
    assert "s3:ListBucket, s3:GetObject" in str(output.error)
    assert "\n" not in str(output.error)


def test_keys_of_older_versions_are_read_with_the_policy_for_versions(
    s3: Bucket, project_root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    s3.store.client.put_bucket_versioning(
        Bucket=s3.bucket, VersioningConfiguration={"Status": "Enabled"}
    )
    # MinIO lets whoever may read an object read its versions; AWS asks for these rights.
    names = ("tap-files.policy.json", "tap-files.versions.policy.json")
    keys = keys_with(s3, policy(s3.bucket, project_root, *names))
    settings: dict[str, Any] = {"detect_deletes": "soft", "max_state_keys": 1, **keys}
    s3.put("songs/a.jsonl", '{"title": "one"}\n{"title": "two"}')
    first = s3.tap(**settings)
    s3.delete("songs/a.jsonl")
    second = s3.tap(first.state, **settings)
    assert {record["title"] for record in second.records("songs")} == {"one", "two"}
    assert "deletes may be missing" not in caplog.text


def test_without_the_right_to_versions_deletes_that_may_be_missing_are_said(
    s3: Bucket, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """MinIO has no such refusal, so the answer is made here; AWS gives the same."""
    settings: dict[str, Any] = {"detect_deletes": "soft", "max_state_keys": 1}
    s3.put("songs/a.jsonl", '{"title": "one"}\n{"title": "two"}')
    first = s3.tap(**settings)
    s3.delete("songs/a.jsonl")
    call = BaseClient._make_api_call  # type: ignore[attr-defined] # the stubs hide it

    def refuse(self: Any, operation: str, given: Any) -> Any:
        if operation == "ListObjectVersions":
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, operation)
        return call(self, operation, given)

    with monkeypatch.context() as patch:
        patch.setattr(BaseClient, "_make_api_call", refuse)
        second = s3.tap(first.state, **settings)
    assert second.records("songs") == []
    assert [record["key"] for record in second.records("_files")] == ["songs/a.jsonl"]
    assert "s3:GetObjectVersion" in caplog.text


def test_credentials_come_from_a_mounted_file(
    s3: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    s3.put("songs/a.yaml", "title: one")
    (tmp_path / "credentials").write_text(
        f"[default]\naws_access_key_id = {s3.store.access_key}\n"
        f"aws_secret_access_key = {s3.store.secret_key}\n"
    )
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    nothing: dict[str, Any] = dict.fromkeys(KEYS, "")
    assert s3.tap(**nothing).counts()["songs"] == 1
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    output = run_tap(TapFiles, s3.config(**nothing))
    assert isinstance(output.error, ConfigError)
    assert "aws_access_key_id" in str(output.error)


class TlsMinio(Minio):
    """A MinIO that speaks TLS alone, with a certificate for 127.0.0.1."""

    def __init__(self, root: Path, authority: trustme.CA) -> None:
        super().__init__(root)
        self.certificates = root / "certs"
        self.certificates.mkdir()
        self.bundle = root / "ca.pem"
        authority.cert_pem.write_to_path(str(self.bundle))
        own = authority.issue_cert("127.0.0.1")
        own.private_key_pem.write_to_path(str(self.certificates / "private.key"))
        for pem in own.cert_chain_pems:
            pem.write_to_path(str(self.certificates / "public.crt"), append=True)

    def command(self, port: int) -> list[str]:
        return [*super().command(port), "--certs-dir", str(self.certificates)]

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Bucket, Path]]:
    """A bucket behind TLS, and the file of the authority that signed the certificate."""
    with pytest.MonkeyPatch.context() as patch:
        root = tmp_path_factory.mktemp("tls")
        service = TlsMinio(root, trustme.CA())
        patch.setenv("AWS_CA_BUNDLE", str(service.bundle))
        service.start()
        try:
            store = Store(service)
            store.client.create_bucket(Bucket="sealed")
            bucket = Bucket(store, "sealed")
            bucket.put("songs/a.yaml", "title: one")
            patch.delenv("AWS_CA_BUNDLE")
            yield bucket, service.bundle
        finally:
            service.stop()


def test_a_certificate_is_verified_with_the_bundle(
    tls: tuple[Bucket, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket, bundle = tls
    assert bucket.tap(ca_bundle=str(bundle)).counts()["songs"] == 1
    monkeypatch.setenv("AWS_CA_BUNDLE", str(bundle))
    assert bucket.tap().counts()["songs"] == 1


@pytest.mark.parametrize("wrong", ["none", "authority", "host"])
def test_a_certificate_that_is_not_valid_is_refused_in_one_line(
    tls: tuple[Bucket, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    monkeypatch.setattr(s3, "ATTEMPTS", 1)
    bucket, bundle = tls
    change: dict[str, Any] = {"ca_bundle": str(bundle)}
    if wrong == "none":
        change = {}
    elif wrong == "authority":
        trustme.CA().cert_pem.write_to_path(str(tmp_path / "ca.pem"))
        change = {"ca_bundle": str(tmp_path / "ca.pem")}
    else:
        change["endpoint_url"] = bucket.store.endpoint_url.replace("127.0.0.1", "localhost")
    error = run_tap(TapFiles, bucket.config(**change)).error
    assert isinstance(error, SourceUnreachableError)
    assert error.exit_code == 3
    assert "set ca_bundle" in str(error)
    assert "\n" not in str(error)


@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
def test_verification_can_be_left_out(tls: tuple[Bucket, Path]) -> None:
    bucket, _ = tls
    assert bucket.tap(verify_tls=False).counts()["songs"] == 1


def test_a_bundle_that_is_not_there_is_a_wrong_setting(s3: Bucket) -> None:
    error = run_tap(TapFiles, s3.config(ca_bundle="/no/such.pem", streams=[SONGS])).error
    assert isinstance(error, ConfigError)
    assert "/no/such.pem" in str(error)
