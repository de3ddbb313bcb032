"""What a platform team has ready in a cluster before a project moves in: stores, names, trust."""

from __future__ import annotations

import json
import os
import ssl
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

from fixtures.front import Front
from mixtape.render.stores import CA_FILE
from mixtape.services.cassandra import DATACENTER, LOADER
from mixtape.services.postgres import role_password
from orchestrate.cluster.kube import Kube

if TYPE_CHECKING:
    from pathlib import Path

    import trustme

    from fixtures.fix_object_store import Store
    from fixtures.fix_postgres import Database
    from mixtape.services.cassandra import Cassandra
    from orchestrate.cluster.application import Live
    from orchestrate.cluster.kube import Object

NAMESPACE = "stores"
POSTGRES = ("warehouse", 5432)
OBJECT_STORE = ("minio", 9000)
MONGODB = ("mongodb", 27017)
CASSANDRA = ("cassandra", 9042)


@dataclass
class Platform:
    """The stores of one test run, behind TLS and names that pods can resolve."""

    host: str
    database: Database
    store: Store
    live: Live
    cassandra: Cassandra
    raps: str
    state: str
    authority: trustme.CA
    fronts: dict[str, Front] = field(default_factory=dict)

    def __enter__(self) -> Self:
        """Listen where pods can reach it."""
        settings = self.database.settings
        server, _, port = self.store.endpoint_url.rpartition("//")[2].partition(":")
        self._open = ExitStack()
        for (name, number), target in (
            (POSTGRES, (str(settings["host"]), int(settings["port"]))),
            (OBJECT_STORE, (server, int(port))),
            (MONGODB, ("127.0.0.1", self.live.port)),
            (CASSANDRA, (self.cassandra.host, self.cassandra.port)),
        ):
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.authority.issue_cert(_host(name), self.host).configure_cert(context)
            if (name, number) == CASSANDRA:
                # As K8ssandra has it: a client shows a certificate too.
                self.authority.configure_trust(context)
                context.verify_mode = ssl.CERT_REQUIRED
            self.fronts[name] = self._open.enter_context(
                Front((self.host, number), target, context, postgres=(name, number) == POSTGRES)
            )
        return self

    def __exit__(self, *_: object) -> None:
        """Stop listening."""
        self._open.close()

    @property
    def settings(self) -> dict[str, str]:
        """A cluster's settings, as clusters.yml has them."""
        host, port = _host(POSTGRES[0]), str(POSTGRES[1])
        database = str(self.database.settings["database"])
        endpoint = f"https://{_host(OBJECT_STORE[0])}:{OBJECT_STORE[1]}"
        return {
            "MELTANO_STATE_BACKEND_URI": f"s3://{self.state}/meltano",
            "MELTANO_STATE_BACKEND_S3_ENDPOINT_URL": endpoint,
            "S3_ENDPOINT_URL": endpoint,
            "AWS_REGION": "us-east-1",
            "TAP_FILES_BUCKET": self.raps,
            "TARGET_POSTGRES_HOST": host,
            "TARGET_POSTGRES_PORT": port,
            "TARGET_POSTGRES_DATABASE": database,
            "DBT_POSTGRES_HOST": host,
            "DBT_POSTGRES_PORT": port,
            "DBT_POSTGRES_DBNAME": database,
            "PGHOST": host,
            "PGPORT": port,
            "PGDATABASE": database,
            "TARGET_CASSANDRA_CONTACT_POINTS": json.dumps([_host(CASSANDRA[0])]),
            "TARGET_CASSANDRA_LOCAL_DC": DATACENTER,
        }

    @cached_property
    def secrets(self) -> dict[str, dict[str, str]]:
        """Secret → key → value: what the platform's vault would hold."""
        uri = self.database.uri
        keys = {"access_key_id": self.store.access_key, "secret_access_key": self.store.secret_key}
        loader = self.authority.issue_cert("loader@cassandra.example")
        return {
            "cassandra-loader": {
                "username": LOADER,
                "password": self.cassandra.address()["TARGET_CASSANDRA_PASSWORD"],
                "tls.crt": "".join(pem.bytes().decode() for pem in loader.cert_chain_pems),
                "tls.key": loader.private_key_pem.bytes().decode(),
            },
            "mongodb-reader": {
                # One member, seen through its Service; more would be found by their own names.
                "connection_string": f"mongodb://{self.live.reader}@{_host(MONGODB[0])}:{MONGODB[1]}"
                f"/?directConnection=true&tls=true&tlsCAFile={CA_FILE}"
            },
            "object-store-raps": keys,
            "object-store-reports": keys,
            "object-store-state": keys,
            "postgres-bi-reader": {
                "username": "bi_reader",
                "password": role_password(uri, "bi_reader"),
            },
            "postgres-loader": {"username": "loader", "password": role_password(uri, "loader")},
            "postgres-transformer": {
                "username": "transformer",
                "password": role_password(uri, "transformer"),
            },
        }

    def name_stores(self) -> None:
        """Give each store a name in the cluster that leads to this machine."""
        kube = Kube(NAMESPACE)
        kube.apply(_object("v1", "Namespace", NAMESPACE))
        for name, port in (POSTGRES, OBJECT_STORE, MONGODB, CASSANDRA):
            ports = [{"name": "tcp", "port": port}]
            # Cassandra's Service is its nodes' addresses, by which drivers know them again.
            spec = {"ports": ports, **({"clusterIP": "None"} if name == CASSANDRA[0] else {})}
            kube.apply(
                _object("v1", "Service", name, NAMESPACE, spec=spec),
                _object(
                    "discovery.k8s.io/v1",
                    "EndpointSlice",
                    f"{name}-host",
                    NAMESPACE,
                    labels={"kubernetes.io/service-name": name},
                    addressType="IPv4",
                    ports=ports,
                    endpoints=[{"addresses": [self.host]}],
                ),
            )

    def fill(self, kube: Kube) -> None:
        """Put into the project's namespace what the platform puts there: trust and secrets."""
        certificate = self.authority.cert_pem.bytes().decode()
        kube.apply(
            _object("v1", "ConfigMap", "mixtape-ca", kube.namespace, data={"ca.crt": certificate}),
            *(
                _object("v1", "Secret", name, kube.namespace, stringData=values)
                for name, values in self.secrets.items()
            ),
        )


def image() -> str:
    """Return the image under test, by digest."""
    return os.environ["MIXTAPE_CLUSTER_IMAGE"]


def rendered_for(root: Path) -> str:
    """Return the overlay's folder below a rendered project."""
    return str(root / "orchestrate" / "deploy" / "overlays" / "node")


def _host(name: str) -> str:
    return f"{name}.{NAMESPACE}.svc"


def _object(version: str, kind: str, name: str, namespace: str = "", **more: Any) -> Object:
    metadata: dict[str, Any] = {"name": name, "labels": more.pop("labels", {})}
    if namespace:
        metadata["namespace"] = namespace
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **more}
