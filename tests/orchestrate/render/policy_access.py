"""Rules on accounts, rights and secrets."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from orchestrate.render.reading import (
    SECRETS_OF,
    mounted_by,
    name_of,
    plugins_of,
    references,
    secret_keys,
    secrets_of,
    selectors,
    values,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orchestrate.render.deployment import Deployment

_SECRET_NAME = re.compile(r"PASSWORD|SECRET|TOKEN|ACCESS_KEY|CONNECTION_STRING")


def own_accounts(found: Deployment) -> Iterator[str]:
    accounts = {name_of(each): each for each in found.of("ServiceAccount")}
    users: dict[str, set[frozenset[str]]] = {}
    for pod in found.pods():
        account = pod.spec["serviceAccountName"]
        if account not in {name.partition("/")[2] for name in accounts}:
            yield f"{pod.where}: no account {account}"
        if pod.spec["automountServiceAccountToken"]:
            yield f"{pod.where}: has a token"
        users.setdefault(account, set()).add(frozenset(secrets_of(pod)))
    for account, secrets in users.items():
        if len(secrets) > 1:
            yield f"{account}: used by runs of more than one kind"
    for each in found.of("WorkflowTemplate"):
        if each["spec"].get("executor") != {"serviceAccountName": "mixtape-executor"}:
            yield f"{name_of(each)}: no account for the executor"
    for name, account in accounts.items():
        if account.get("automountServiceAccountToken") is not False and "sensor" not in name:
            yield f"{name}: its token is mounted"


def two_verbs(found: Deployment) -> Iterator[str]:
    allowed = {
        "mixtape-executor": ("workflowtaskresults", ["create", "patch"]),
        "mixtape-sensor": ("workflows", ["create"]),
    }
    for each in found.of("ClusterRole", "ClusterRoleBinding"):
        yield f"{name_of(each)}: reaches beyond the namespace"
    for role in found.of("Role"):
        name = role["metadata"]["name"]
        if name not in allowed:
            yield f"{name}: a role that nobody needs"
            continue
        resource, verbs = allowed[name]
        wanted = [{"apiGroups": ["argoproj.io"], "resources": [resource], "verbs": verbs}]
        if role["rules"] != wanted:
            yield f"{name}: more than {', '.join(verbs)} on {resource}"
    for binding in found.of("RoleBinding"):
        name = binding["metadata"]["name"]
        if binding["roleRef"]["name"] != name or binding["subjects"] != [
            {"kind": "ServiceAccount", "name": name}
        ]:
            yield f"{name}: bound to somebody else"


def only_references(found: Deployment) -> Iterator[str]:
    for each in found.of("CronWorkflow"):
        extra = set(each["spec"]["workflowSpec"]) - {
            "workflowTemplateRef",
            "entrypoint",
            "arguments",
        }
        if extra:
            yield f"{name_of(each)}: sets {', '.join(sorted(extra))}"
    for each in found.of("Sensor"):
        for trigger in each["spec"]["triggers"]:
            spec = trigger["template"]["k8s"]["source"]["resource"]["spec"]
            if set(spec) - {"workflowTemplateRef", "entrypoint", "arguments"}:
                yield f"{name_of(each)}: sets more than arguments"


def no_secrets(found: Deployment) -> Iterator[str]:
    for each in found.of("Secret"):
        if each.get("data") or each.get("stringData"):
            yield f"{name_of(each)}: holds data"
    written = [(name_of(each), name) for each in found.of("ConfigMap") for name in each["data"]]
    written += [(pod.where, name) for pod in found.pods() for name in values(pod)]
    for where, name in written:
        if _SECRET_NAME.search(name):
            yield f"{where}: {name} is written down"


def closed_secrets(found: Deployment) -> Iterator[str]:
    for pod in found.pods():
        for source in pod.main.get("envFrom", ()):
            if "secretRef" in source:
                yield f"{pod.where}: takes a whole secret"
        for volume in pod.spec["volumes"]:
            if "secret" in volume and volume["secret"].get("defaultMode") != 0o400:
                yield f"{pod.where}: files of {volume['name']} are open"


def referenced_secrets(found: Deployment) -> Iterator[str]:
    offered = {
        (each["spec"]["target"]["name"], item["secretKey"])
        for each in found.of("ExternalSecret")
        for item in each["spec"]["data"]
    }
    used = {key for pod in found.pods() for key in secret_keys(pod)}
    mounted = {name for pod in found.pods() for name in mounted_by(pod)}
    used |= {(name, key) for name, key in offered if name in mounted}
    for event in found.of("EventBus", "EventSource"):
        used |= set(selectors(event["spec"]))
    optional = {("mixtape-webhook", "url")}
    for name, key in used - offered - optional:
        yield f"{name}/{key}: nothing fills it"
    for name, key in offered - used:
        yield f"{name}/{key}: nobody needs it"
    for each in found.of("ExternalSecret"):
        if each["spec"]["secretStoreRef"]["kind"] != "ClusterSecretStore":
            yield f"{name_of(each)}: a store of the namespace's own"


def least_privilege(found: Deployment) -> Iterator[str]:
    for pod in found.runs():
        plugins = plugins_of(pod)
        wanted = set().union(*(SECRETS_OF[plugin] for plugin in plugins))
        if extra := secrets_of(pod) - wanted:
            yield f"{pod.where}: knows {', '.join(sorted(extra))}"
        if missing := wanted - secrets_of(pod):
            yield f"{pod.where}: lacks {', '.join(sorted(missing))}"
        if "dbt" in plugins and next(
            (
                (ref["name"], ref["key"])
                for name, ref in references(pod)
                if name == "DBT_ENV_SECRET_POSTGRES_PASSWORD"
            ),
            None,
        ) != ("postgres-transformer", "password"):
            yield f"{pod.where}: dbt's password is in a variable that dbt may print"
