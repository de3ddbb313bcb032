"""The stores that jobs speak to: where each is, and which account each plugin has there.

Connectors know nothing of a cluster. This is the one place that says what a plugin is given: the
secrets of its own account and no other, and a way through the network to its own stores.
"""

from __future__ import annotations

from dataclasses import dataclass, field

CA_CONFIG_MAP = "mixtape-ca"
"""The ConfigMap with the certificates (`ca.crt`) that signed the stores'; the platform fills it."""

CA_FILE = "/etc/mixtape/ca/ca.crt"


@dataclass(frozen=True)
class Store:
    """A service that runs reach: in the cluster by labels, outside of it by address."""

    name: str
    port: int
    namespace: str
    pod_labels: dict[str, str]


@dataclass(frozen=True)
class Account:
    """One role in one store, with the variables that tell a plugin of it."""

    store: Store
    secret: str
    #: variable → key of the secret
    secrets: dict[str, str]
    #: variable → value; nothing here is secret
    settings: dict[str, str] = field(default_factory=dict)
    #: key of the secret → file, for what the connector reads from files
    files: dict[str, str] = field(default_factory=dict)
    #: the variable by which a cluster's settings say where the store is, if no secret does
    place: str | None = None
    #: what it writes: the plugin's setting whose value names it, or the plugin itself
    writes: str | None = None


POSTGRES = Store("postgres", 5432, "postgres", {"cnpg.io/cluster": "warehouse"})
OBJECT_STORE = Store("object-store", 9000, "object-store", {"app.kubernetes.io/name": "minio"})
MONGODB = Store("mongodb", 27017, "mongodb", {"app.kubernetes.io/name": "percona-server-mongodb"})
CASSANDRA = Store("cassandra", 9042, "cassandra", {"cassandra.datastax.com/cluster": "rap"})
STORES = (POSTGRES, OBJECT_STORE, MONGODB, CASSANDRA)

STATE = Account(
    OBJECT_STORE,
    "object-store-state",
    {
        "MELTANO_STATE_BACKEND_S3_AWS_ACCESS_KEY_ID": "access_key_id",
        "MELTANO_STATE_BACKEND_S3_AWS_SECRET_ACCESS_KEY": "secret_access_key",
    },
    {"AWS_CA_BUNDLE": CA_FILE},
)
"""Meltano's own: where bookmarks live. Every run with a tap has it."""

ACCOUNTS = {
    "tap-files": (
        Account(
            OBJECT_STORE,
            "object-store-raps",
            {
                "TAP_FILES_AWS_ACCESS_KEY_ID": "access_key_id",
                "TAP_FILES_AWS_SECRET_ACCESS_KEY": "secret_access_key",
            },
            {"TAP_FILES_CA_BUNDLE": CA_FILE},
        ),
    ),
    "tap-mongodb": (
        Account(
            MONGODB,
            "mongodb-reader",
            {"TAP_MONGODB_MONGODB_CONNECTION_STRING": "connection_string"},
        ),
    ),
    "target-postgres": (
        Account(
            POSTGRES,
            "postgres-loader",
            {"TARGET_POSTGRES_USER": "username", "TARGET_POSTGRES_PASSWORD": "password"},
            {
                "TARGET_POSTGRES_SSL_MODE": "verify-full",
                "TARGET_POSTGRES_SSL_CERTIFICATE_AUTHORITY": CA_FILE,
            },
            place="TARGET_POSTGRES_HOST",
            writes="default_target_schema",
        ),
    ),
    "target-cassandra": (
        Account(
            CASSANDRA,
            "cassandra-loader",
            {"TARGET_CASSANDRA_USERNAME": "username", "TARGET_CASSANDRA_PASSWORD": "password"},
            {
                "TARGET_CASSANDRA_SSL_CA_CERTIFICATE": CA_FILE,
                "TARGET_CASSANDRA_SSL_CLIENT_CERTIFICATE": "/etc/mixtape/cassandra-loader/tls.crt",
                "TARGET_CASSANDRA_SSL_CLIENT_PRIVATE_KEY": "/etc/mixtape/cassandra-loader/tls.key",
            },
            files={"tls.crt": "tls.crt", "tls.key": "tls.key"},
            place="TARGET_CASSANDRA_CONTACT_POINTS",
            writes="keyspace",
        ),
    ),
    "dbt": (
        Account(
            POSTGRES,
            "postgres-transformer",
            {
                "DBT_POSTGRES_USER": "username",
                "DBT_ENV_SECRET_POSTGRES_PASSWORD": "password",
            },
            {"DBT_POSTGRES_SSLMODE": "verify-full", "PGSSLROOTCERT": CA_FILE},
            place="DBT_POSTGRES_HOST",
            writes="models",
        ),
    ),
    # The report: it reads as BI does, and writes a page.
    "mixtape": (
        Account(
            POSTGRES,
            "postgres-bi-reader",
            {"PGUSER": "username", "PGPASSWORD": "password"},
            {"PGSSLMODE": "verify-full", "PGSSLROOTCERT": CA_FILE},
            place="PGHOST",
        ),
        Account(
            OBJECT_STORE,
            "object-store-reports",
            {"AWS_ACCESS_KEY_ID": "access_key_id", "AWS_SECRET_ACCESS_KEY": "secret_access_key"},
            {"AWS_CA_BUNDLE": CA_FILE},
            writes="reports",
        ),
    ),
}
"""Plugin (the one it inherits from, where it does) → its accounts, one in each of its stores."""

SPEAKS_FOR = {"load-steps": ("tap", "target"), "raw-events": ("target",)}
"""Plugin of ours → its settings that name plugins; it has their accounts and none of its own."""


def accounts(plugins: tuple[str, ...]) -> tuple[Account, ...]:
    """Return the accounts of a run: its plugins' own, and Meltano's when there is a tap."""
    found = [account for plugin in dict.fromkeys(plugins) for account in ACCOUNTS[plugin]]
    if any(plugin.startswith("tap-") for plugin in plugins):
        found.append(STATE)
    return tuple(found)


def stores(plugins: tuple[str, ...]) -> tuple[Store, ...]:
    """Return the stores that a run reaches, each once, in order of name."""
    found = {account.store.name: account.store for account in accounts(plugins)}
    return tuple(found[name] for name in sorted(found))
