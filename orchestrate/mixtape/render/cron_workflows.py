"""The CronWorkflows: for each schedule and cluster when, which entry point, and its arguments."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hera.workflows.models import (
    CronWorkflow,
    CronWorkflowSpec,
    ObjectMeta,
    WorkflowSpec,
    WorkflowTemplateRef,
)

from mixtape.render import names, resources, schedule, workflow_templates

if TYPE_CHECKING:
    from mixtape.render.clusters import Cluster
    from mixtape.render.plan import Run


def cron_workflow(run: Run, cluster: Cluster) -> CronWorkflow:
    """Return the CronWorkflow of a schedule in a cluster; outside production it is suspended."""
    said = run.schedule.annotations
    job = run.schedule.job.name
    labels = names.labels("run", run.owner, job=job, schedule=run.schedule.name)
    return CronWorkflow(
        api_version="argoproj.io/v1alpha1",
        kind="CronWorkflow",
        metadata=ObjectMeta(
            name=run.schedule.name,
            labels=labels,
            annotations=names.described(
                "CronWorkflow",
                f"{job} in {cluster.environment}",
                said.description or f"meltano run {job}",
            ),
        ),
        spec=CronWorkflowSpec(
            schedules=[run.schedule.cron],
            timezone=said.timezone,
            concurrency_policy="Forbid",
            starting_deadline_seconds=schedule.starting_deadline(run.schedule.cron),
            suspend=not cluster.production,
            successful_jobs_history_limit=resources.HISTORY,
            failed_jobs_history_limit=resources.HISTORY,
            workflow_metadata=ObjectMeta(labels=labels),
            workflow_spec=workflow_spec(run),
        ),
    )


def workflow_spec(run: Run) -> WorkflowSpec:
    """Return what starts a run, whether the clock or an event does."""
    said = run.schedule.annotations
    arguments = workflow_templates.arguments(
        run.work, said.deadline_seconds, said.state_id_suffix, steps=run.step_by_step
    )
    if run.step_by_step:
        own = workflow_templates.step_by_step_name(run.schedule.job)
        return WorkflowSpec(
            workflow_template_ref=WorkflowTemplateRef(name=own), arguments=arguments
        )
    return WorkflowSpec(
        workflow_template_ref=WorkflowTemplateRef(name=workflow_templates.RUN),
        entrypoint=run.work.access.name,
        arguments=arguments,
    )
