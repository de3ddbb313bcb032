"""Rules on when runs start, what keeps them apart, and who hears of them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mixtape.render.schedule import gap
from orchestrate.render.reading import name_of, plugins_of, values

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orchestrate.render.deployment import Deployment

_STANDARD_LABELS = {
    f"app.kubernetes.io/{each}"
    for each in ("name", "instance", "version", "component", "part-of", "managed-by")
}


def ends_by_itself(found: Deployment) -> Iterator[str]:
    for scheduled in found.scheduled():
        given = scheduled.arguments
        for pod in scheduled.pods:
            tap = pod.template["name"].startswith("tap-")
            variables = [name for name in values(pod) if name.endswith("_MAX_RUN_SECONDS")]
            if tap and not variables:
                yield f"{pod.where}: its tap is cut off at the deadline"
            if (
                pod.template.get("activeDeadlineSeconds")
                != "{{inputs.parameters.deadline-seconds}}"
            ):
                yield f"{pod.where}: the deadline is not the schedule's"
        if "max-run-seconds" in given and not (
            0 < int(given["max-run-seconds"]) <= int(given["deadline-seconds"]) - 120
        ):
            yield f"{name_of(scheduled.cron)}: its tap ends too late"


def safe_schedules(found: Deployment) -> Iterator[str]:
    for each in found.of("CronWorkflow"):
        spec = each["spec"]
        if spec.get("concurrencyPolicy") != "Forbid":
            yield f"{name_of(each)}: may run twice at once"
        if spec.get("timezone") != "Etc/UTC":
            yield f"{name_of(each)}: daylight saving skips or doubles a run"
        late = spec.get("startingDeadlineSeconds", 0)
        if not 0 < late < min(gap(cron) for cron in spec["schedules"]):
            yield f"{name_of(each)}: startingDeadlineSeconds {late}"
        if "schedule" in spec:
            yield f"{name_of(each)}: schedule is gone in Argo 4"


def locked(found: Deployment) -> Iterator[str]:
    for pod in found.runs():
        held = pod.template.get("synchronization", {})
        writers = [each for each in plugins_of(pod) if not each.startswith("tap-")]
        if len(held.get("mutexes", ())) < len(writers):
            yield f"{pod.where}: writes without a lock"
        if not held.get("semaphores"):
            yield f"{pod.where}: nothing bounds how many run"
    for scheduled in found.scheduled():
        inputs = {
            name
            for pod in scheduled.pods
            for each in pod.template.get("synchronization", {}).get("mutexes", ())
            for name in re.findall(r"inputs\.parameters\.([a-z0-9-]+)", each["name"])
        }
        for name in inputs & set(scheduled.arguments):
            if not scheduled.arguments[name]:
                yield f"{name_of(scheduled.cron)}: {name} is empty"


def retried(found: Deployment) -> Iterator[str]:
    for pod in found.pods():
        strategy = pod.template.get("retryStrategy", {})
        backoff = strategy.get("backoff", {})
        if not 0 < int(strategy.get("limit", 0)) <= 3:
            yield f"{pod.where}: retries {strategy.get('limit')}"
        if not {"duration", "factor", "cap", "maxDuration"} <= set(backoff):
            yield f"{pod.where}: retries without an end"


def notified(found: Deployment) -> Iterator[str]:
    for scheduled in found.scheduled():
        if not any(pod.main["command"] == ["mixtape"] for pod in scheduled.exit_pods):
            yield f"{name_of(scheduled.cron)}: nobody hears of a failure"
    for each in found.of("WorkflowTemplate"):
        if each["spec"].get("onExit") != "on-exit":
            yield f"{name_of(each)}: nobody hears of a failure"


def labelled(found: Deployment) -> Iterator[str]:
    carriers = [(name_of(each), each["metadata"].get("labels", {})) for each in found.objects]
    carriers += [(pod.where, pod.labels) for pod in found.pods()]
    carriers += [
        (f"{name_of(each)} Workflow", each["spec"].get("workflowMetadata", {}).get("labels", {}))
        for each in found.of("CronWorkflow")
    ]
    for name, labels in carriers:
        if missing := _STANDARD_LABELS - set(labels):
            yield f"{name}: no {', '.join(sorted(missing))}"
        if not labels.get("mixtape/owner"):
            yield f"{name}: no owner"
    for each in found.of("CronWorkflow", "WorkflowTemplate"):
        for what in ("title", "description"):
            if not each["metadata"]["annotations"].get(f"workflows.argoproj.io/{what}"):
                yield f"{name_of(each)}: no {what}"


def one_wake_up(found: Deployment) -> Iterator[str]:
    for each in found.of("EventBus"):
        if "maxMsgs: 1" not in each["spec"]["jetstreamExotic"]["streamConfig"]:
            yield f"{name_of(each)}: keeps a backlog"
    for each in found.of("Sensor"):
        for trigger in each["spec"]["triggers"]:
            if not trigger.get("atLeastOnce") or not trigger.get("rateLimit"):
                yield f"{name_of(each)}: may lose an upload, or start a run for each"
