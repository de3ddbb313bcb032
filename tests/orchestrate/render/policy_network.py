"""Rules on what is reached, and how it is verified."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orchestrate.render.reading import STORES_OF, name_of, plugins_of, selects, values

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orchestrate.render.deployment import Deployment

_VERIFIES_WITH = {
    "tap-files": {"TAP_FILES_CA_BUNDLE"},
    "target-postgres": {"TARGET_POSTGRES_SSL_CERTIFICATE_AUTHORITY"},
    "target-cassandra": {
        "TARGET_CASSANDRA_SSL_CA_CERTIFICATE",
        "TARGET_CASSANDRA_SSL_CLIENT_PRIVATE_KEY",
    },
    "dbt": {"PGSSLROOTCERT"},
    "mixtape": {"PGSSLROOTCERT", "AWS_CA_BUNDLE"},
}
_VERIFIES_BY = {
    "target-postgres": "TARGET_POSTGRES_SSL_MODE",
    "dbt": "DBT_POSTGRES_SSLMODE",
    "mixtape": "PGSSLMODE",
}


def closed_network(found: Deployment) -> Iterator[str]:
    policies = found.of("NetworkPolicy")
    closed = [
        each["spec"]
        for each in policies
        if each["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    ]
    if not closed:
        yield "not closed by default"
    for each in policies:
        for rule in each["spec"].get("egress", ()):
            if not rule.get("to") or not rule.get("ports"):
                yield f"{name_of(each)}: out to anywhere"
            for peer in rule.get("to", ()):
                if _anywhere(peer):
                    yield f"{name_of(each)}: out to anywhere"
        for rule in each["spec"].get("ingress", ()):
            if not rule.get("from") or any(_anywhere(peer) for peer in rule["from"]):
                yield f"{name_of(each)}: in from anywhere"
            selected = each["spec"]["podSelector"].get("matchLabels", {})
            if any(selects(selected, pod.labels) for pod in found.pods()):
                yield f"{name_of(each)}: in to a run"


def own_stores(found: Deployment) -> Iterator[str]:
    """Yield pods that reach more or less than DNS, the API server and their own stores."""
    for pod in found.pods():
        reached = {
            each["metadata"]["name"].removeprefix("allow-")
            for each in found.of("NetworkPolicy")
            if each["spec"].get("egress")
            and selects(each["spec"]["podSelector"].get("matchLabels", {}), pod.labels)
        } - {"dns-on-node"}
        plugins = plugins_of(pod) if pod.main["command"] == ["meltano"] else []
        wanted = {"dns", "api-server"}.union(*(STORES_OF[plugin] for plugin in plugins))
        if pod.main["command"] == ["mixtape"]:
            reached -= {"webhook"}
        if reached != wanted:
            yield f"{pod.where}: reaches {sorted(reached)}, needs {sorted(wanted)}"


def verified_stores(found: Deployment) -> Iterator[str]:
    for pod in found.runs():
        said = values(pod)
        for plugin in plugins_of(pod):
            for name in _VERIFIES_WITH.get(plugin, ()):
                if not said.get(name, "").startswith("/etc/mixtape/"):
                    yield f"{pod.where}: {name} is missing"
            if plugin in _VERIFIES_BY and said.get(_VERIFIES_BY[plugin]) != "verify-full":
                yield f"{pod.where}: {plugin} does not verify"
    for each in found.of("ConfigMap"):
        for name, value in each["data"].items():
            if value.startswith("http://"):
                yield f"{name_of(each)}: {name} is not encrypted"


def verified_events(found: Deployment) -> Iterator[str]:
    for each in found.of("EventBus"):
        exotic = each["spec"]["jetstreamExotic"]
        if not exotic["url"].startswith("tls://") or "caCertSecret" not in exotic["tls"]:
            yield f"{name_of(each)}: the bus is not verified"
    for each in found.of("EventSource"):
        for webhook in each["spec"]["webhook"].values():
            if not {"authSecret", "serverCertSecret", "serverKeySecret"} <= set(webhook):
                yield f"{name_of(each)}: the webhook is open"


def no_way_in(found: Deployment) -> Iterator[str]:
    services = [(name_of(each), each["spec"]) for each in found.of("Service")]
    services += [(name_of(each), each["spec"]["service"]) for each in found.of("EventSource")]
    for name, service in services:
        if service.get("type", "ClusterIP") != "ClusterIP":
            yield f"{name}: reachable from outside"
    for each in found.of("Ingress"):
        yield f"{name_of(each)}: reachable from outside"


def _anywhere(peer: dict[str, Any]) -> bool:
    if "ipBlock" in peer:
        return str(peer["ipBlock"]["cidr"]).endswith("/0")
    return not peer.get("podSelector", {}).get("matchLabels")
