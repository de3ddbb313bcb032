"""What the rules read out of pods and objects."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orchestrate.render.deployment import Object, Pod

# What a kind of run may know and reach: written by hand, so that a slip in stores.py is seen.
SECRETS_OF = {
    "tap-files": {"object-store-raps", "object-store-state"},
    "tap-mongodb": {"mongodb-reader", "object-store-state"},
    "target-postgres": {"postgres-loader"},
    "target-cassandra": {"cassandra-loader"},
    "dbt": {"postgres-transformer"},
    "mixtape": {"postgres-bi-reader", "object-store-reports"},
}
STORES_OF = {
    "tap-files": {"object-store"},
    "tap-mongodb": {"mongodb", "object-store"},
    "target-postgres": {"postgres"},
    "target-cassandra": {"cassandra"},
    "dbt": {"postgres"},
    "mixtape": {"postgres", "object-store"},
}


def name_of(found: Object) -> str:
    """Return kind and name of an object."""
    return f"{found['kind']}/{found['metadata']['name']}"


def plugins_of(pod: Pod) -> list[str]:
    """Return the plugins of a run, from its ServiceAccount's name."""
    account = pod.spec["serviceAccountName"].removeprefix("meltano-")
    return [plugin for plugin in SECRETS_OF if re.search(rf"(^|-){plugin}(-|$)", account)]


def values(pod: Pod) -> dict[str, str]:
    """Return the variables of a run that are written down."""
    return {each["name"]: each["value"] for each in pod.main["env"] if "value" in each}


def references(pod: Pod) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each variable that comes from a secret, with where it comes from."""
    for each in pod.main["env"]:
        if "valueFrom" in each:
            yield each["name"], each["valueFrom"]["secretKeyRef"]


def secret_keys(pod: Pod) -> Iterator[tuple[str, str]]:
    """Yield the (secret, key) of each such variable."""
    for _, reference in references(pod):
        yield reference["name"], reference["key"]


def mounted_by(pod: Pod) -> set[str]:
    """Return the secrets that a pod has as files."""
    return {volume["secret"]["secretName"] for volume in pod.spec["volumes"] if "secret" in volume}


def secrets_of(pod: Pod) -> set[str]:
    """Return every secret that a pod knows."""
    return {reference["name"] for _, reference in references(pod)} | mounted_by(pod)


def selectors(found: Any) -> Iterator[tuple[str, str]]:
    """Yield every (name, key) of a secret named anywhere below."""
    if isinstance(found, dict):
        for name, value in found.items():
            if name.endswith("Secret") and isinstance(value, dict):
                yield value["name"], value["key"]
            yield from selectors(value)
    if isinstance(found, list):
        for value in found:
            yield from selectors(value)


def selects(selector: dict[str, str], labels: dict[str, str]) -> bool:
    """Return whether a policy is about pods with these labels."""
    return selector.items() <= labels.items()
