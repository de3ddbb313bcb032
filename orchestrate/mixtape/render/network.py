"""What may be reached: nothing, but for DNS, the API server and each pod's own stores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mixtape.render import names, pods, stores

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mixtape.render.clusters import Cluster
    from mixtape.render.plan import Plan
    from mixtape.render.stores import Store

API_SERVER_PORT = 6443
WEBHOOK_PORT = 443
_NAMESPACE = "kubernetes.io/metadata.name"
_COMPONENT = "app.kubernetes.io/component"
_ALL = {"app.kubernetes.io/part-of": names.APP}
_DNS_PORTS = [{"protocol": protocol, "port": 53} for protocol in ("UDP", "TCP")]


def base(owner: str) -> Iterator[dict[str, Any]]:
    """Yield what holds in every cluster: all is closed, and names can be resolved."""
    yield {
        **policy("default-deny", {}, owner),
        "spec": {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]},
    }
    dns = {
        "namespaceSelector": {"matchLabels": {_NAMESPACE: "kube-system"}},
        "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
    }
    yield egress("dns", _ALL, [dns], _DNS_PORTS, owner)


def cluster(plan: Plan, where: Cluster) -> Iterator[dict[str, Any]]:
    """Yield the ways out of one cluster's namespace.

    The API server is named by its real address: policies are applied after a Service's address
    has been replaced by it.
    """
    reached = {store for access in plan.accesses for store in access.plugins}
    api_server = [cidr(where.api_server)]
    yield egress("api-server", _ALL, api_server, [tcp(API_SERVER_PORT)], plan.owner)
    if where.dns:
        yield egress("dns-on-node", _ALL, [cidr(where.dns)], _DNS_PORTS, plan.owner)
    for each in stores.stores(tuple(sorted(reached))):
        clients = {pods.client_label(each.name): "client"}
        yield egress(each.name, clients, [store(each, where)], [tcp(each.port)], plan.owner)
    if where.webhook:
        yield egress(
            "webhook",
            {_COMPONENT: "notify"},
            [cidr(where.webhook)],
            [tcp(WEBHOOK_PORT)],
            plan.owner,
        )


def egress(
    name: str,
    labels: dict[str, str],
    to: Sequence[dict[str, Any]],
    ports: Sequence[dict[str, Any]],
    owner: str,
) -> dict[str, Any]:
    """Return the policy that lets pods with these labels out to these peers and ports."""
    found = policy(f"allow-{name}", labels, owner)
    found["spec"] |= {"policyTypes": ["Egress"], "egress": [{"to": [*to], "ports": [*ports]}]}
    return found


def ingress(
    name: str,
    labels: dict[str, str],
    source: dict[str, Any],
    port: int,
    owner: str,
) -> dict[str, Any]:
    """Return the policy that lets one peer in to one port of pods with these labels."""
    found = policy(f"allow-{name}", labels, owner)
    found["spec"] |= {
        "policyTypes": ["Ingress"],
        "ingress": [{"from": [source], "ports": [tcp(port)]}],
    }
    return found


def policy(name: str, labels: dict[str, str], owner: str) -> dict[str, Any]:
    """Return a policy for pods with these labels that says nothing yet."""
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {
            "name": name,
            "labels": names.labels("network", owner),
            "annotations": names.described("NetworkPolicy"),
        },
        "spec": {"podSelector": {"matchLabels": labels}},
    }


def pod(namespace: str, labels: dict[str, str]) -> dict[str, Any]:
    """Return the peer that is pods with these labels in a namespace."""
    return {
        "namespaceSelector": {"matchLabels": {_NAMESPACE: namespace}},
        "podSelector": {"matchLabels": labels},
    }


def store(which: Store, where: Cluster) -> dict[str, Any]:
    """Return the peer that is a store: its pods, or its address where it is outside."""
    outside = where.stores.get(which.name)
    return cidr(outside) if outside else pod(which.namespace, which.pod_labels)


def cidr(address: str) -> dict[str, Any]:
    """Return the peer that is an address range."""
    return {"ipBlock": {"cidr": address}}


def tcp(port: int) -> dict[str, Any]:
    """Return a TCP port."""
    return {"protocol": "TCP", "port": port}
