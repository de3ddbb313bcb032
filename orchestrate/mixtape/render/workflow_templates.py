"""The WorkflowTemplates: a run, a run step by step, a backfill.

`meltano-run` has an entry point for each kind of access; a CronWorkflow names one and its
arguments, and the rest is here. The environment is no parameter: a namespace is one environment,
so that no submission can write into another's state.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hera.workflows.models import (
    Arguments,
    DAGTask,
    DAGTemplate,
    ExecutorConfig,
    Inputs,
    Metadata,
    ObjectMeta,
    ParallelSteps,
    Parameter,
    Template,
    WorkflowSpec,
    WorkflowStep,
    WorkflowTemplate,
)

from mixtape.render import names, pods, resources, schedule, security

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mixtape.render.meltano_files import Job
    from mixtape.render.plan import Access, Work

RUN = "meltano-run"
BACKFILL = "meltano-backfill"


def run(accesses: Sequence[Access], owner: str) -> WorkflowTemplate:
    """Return `meltano-run`: any job, with the access that its entry point names."""
    return _template(
        RUN,
        "meltano run",
        "One job as a laptop runs it; the entry point is the access that the job needs.",
        owner,
        [pods.run(access, owner) for access in accesses],
    )


def step_by_step(job: Job, works: Sequence[Work], owner: str) -> WorkflowTemplate:
    """Return a template that runs each task of a job in a pod of its own, in order.

    A task that fails stops those behind it; each has its own secrets, locks and retries.
    """
    steps = [_step_name(work) for work in works]
    usual = {
        pods.DEADLINE: str(schedule.DEADLINE_SECONDS),
        pods.MAX_RUN: str(schedule.max_run_seconds(schedule.DEADLINE_SECONDS)),
        pods.STATE_SUFFIX: "",
    }
    tasks = [
        DAGTask(
            name=name,
            template=name,
            dependencies=[before] if before else None,
            arguments=_parameters(
                {
                    **{each: pods.input_of(each) for each in _timing(work.access)},
                    **_locks(work),
                }
            ),
        )
        for name, before, work in zip(steps, [None, *steps], works, strict=False)
    ]
    return _template(
        step_by_step_name(job),
        f"{job.name}, step by step",
        " → ".join(" ".join(work.words) for work in works),
        owner,
        [
            Template(
                name="steps",
                inputs=Inputs(
                    parameters=[Parameter(name=each, value=said) for each, said in usual.items()]
                ),
                dag=DAGTemplate(tasks=tasks),
            ),
            *(
                pods.run(work.access, owner, work.words, name=name)
                for name, work in zip(steps, works, strict=True)
            ),
        ],
        entrypoint="steps",
    )


def step_by_step_name(job: Job) -> str:
    """Return the name of a job's own template."""
    return f"meltano-{job.name}"


def backfill(accesses: Sequence[Access], owner: str) -> WorkflowTemplate:
    """Return the template that loads again from each of some days on, one after another.

    It holds the schedule's own locks and a state of its own: the main bookmark stays as it is,
    and the targets refuse rows older than what they hold.
    """
    templates = []
    for access in accesses:
        if not _taps(access):
            continue
        day = f"{access.name}-day"
        passed = ["job", pods.DEADLINE, *pods.lock_inputs(access.locks)]
        given = {
            **{name: pods.input_of(name) for name in passed},
            pods.MAX_RUN: str(schedule.max_run_seconds(schedule.DEADLINE_SECONDS)),
            pods.STATE_SUFFIX: "backfill-{{item}}",
            pods.START_DATE: "{{item}}",
        }
        each_day = WorkflowStep(
            name="day",
            template=day,
            with_param=pods.input_of("start-dates"),
            arguments=_parameters(given),
        )
        templates += [
            Template(
                name=access.name,
                inputs=Inputs(parameters=[_input(name) for name in [*passed, "start-dates"]]),
                parallelism=1,
                steps=[ParallelSteps(root=[each_day])],
            ),
            pods.run(access, owner, name=day, backfill=True),
        ]
    return _template(
        BACKFILL,
        "backfill",
        "Load a job again from each of start-dates (a JSON list of days) on, one after another.",
        owner,
        templates,
    )


def arguments(work: Work, deadline: int, suffix: str, *, steps: bool) -> Arguments:
    """Return what an entry point of `meltano-run` is given, or a job's own template."""
    said = {
        pods.DEADLINE: str(deadline),
        pods.MAX_RUN: str(schedule.max_run_seconds(deadline)),
        pods.STATE_SUFFIX: suffix,
    }
    if steps:
        return _parameters(said)
    timing = {name: said[name] for name in _timing(work.access)}
    return _parameters({"job": work.words[0], **timing, **_locks(work)})


def _timing(access: Access) -> list[str]:
    """Return the inputs of a run that are not its job and locks."""
    return [pods.DEADLINE, *([pods.MAX_RUN, pods.STATE_SUFFIX] if _taps(access) else [])]


def _locks(work: Work) -> dict[str, str]:
    return dict(zip(pods.lock_inputs(work.access.locks), work.locks, strict=True))


def _parameters(given: dict[str, str]) -> Arguments:
    return Arguments(parameters=[Parameter(name=name, value=said) for name, said in given.items()])


def _input(name: str) -> Parameter:
    """Return an input, with the usual deadline where that is what it is."""
    value = str(schedule.DEADLINE_SECONDS) if name == pods.DEADLINE else None
    return Parameter(name=name, value=value)


def _taps(access: Access) -> bool:
    return any(plugin.startswith("tap-") for plugin in access.plugins)


def _step_name(work: Work) -> str:
    return "-".join(word.replace(":", "-") for word in work.words)


def _template(
    name: str,
    title: str,
    description: str,
    owner: str,
    templates: Sequence[Template],
    *,
    entrypoint: str | None = None,
) -> WorkflowTemplate:
    """Return a template with the hardening that all share, and the exit handler."""
    failed = WorkflowStep(
        name="notify", template="notify", when="'{{workflow.status}}' != 'Succeeded'"
    )
    labels = names.labels("run", owner)
    return WorkflowTemplate(
        api_version="argoproj.io/v1alpha1",
        kind="WorkflowTemplate",
        metadata=ObjectMeta(
            name=name,
            labels=labels,
            annotations=names.described("WorkflowTemplate", title, description),
        ),
        spec=WorkflowSpec(
            entrypoint=entrypoint,
            on_exit="on-exit",
            service_account_name="mixtape-notify",
            automount_service_account_token=False,
            executor=ExecutorConfig(service_account_name=pods.EXECUTOR),
            security_context=security.pod(),
            pod_spec_patch=security.executor_patch(),
            pod_metadata=Metadata(labels=labels),
            active_deadline_seconds=resources.LONGEST_WORKFLOW_SECONDS,
            pod_gc=resources.pod_gc(),
            ttl_strategy=resources.ttl(),
            volumes=pods.volumes(),
            templates=[
                *templates,
                Template(name="on-exit", steps=[ParallelSteps(root=[failed])]),
                pods.notify(owner),
            ],
        ),
    )
