"""Which run starts where: schedules and clusters brought together, and what must not meet."""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mixtape.render import names, stores
from mixtape.render.meltano_files import plugin_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mixtape.render.clusters import Cluster, Clusters
    from mixtape.render.errors import Faults
    from mixtape.render.meltano_files import Job, Plugin, Project, Schedule
    from mixtape.render.source import Place


@dataclass(frozen=True)
class Access:
    """What a pod needs for some words of `meltano run`: one template for each kind."""

    #: base plugins, each once, in order
    plugins: tuple[str, ...]
    #: how many resources a run of this kind writes
    locks: int

    @property
    def name(self) -> str:
        """The template's name, and its ServiceAccount's."""
        usual = sum(each.writes is not None for each in stores.accounts(self.plugins))
        many = [] if self.locks == usual else [f"{self.locks}-locks"]
        return "-".join([*self.plugins, *many])


@dataclass(frozen=True)
class Work:
    """Some words of `meltano run`, with the access they need and the locks they take."""

    words: tuple[str, ...]
    access: Access
    locks: tuple[str, ...]


@dataclass(frozen=True)
class Run:
    """A schedule in a cluster."""

    schedule: Schedule
    work: Work
    owner: str
    #: each of the job's tasks has a pod of its own
    step_by_step: bool


@dataclass(frozen=True)
class Plan:
    """Everything that is rendered."""

    owner: str
    #: (cluster, its runs in order of name)
    clusters: tuple[tuple[Cluster, tuple[Run, ...]], ...]
    accesses: tuple[Access, ...]
    #: (job, the work of each of its tasks)
    step_by_step: tuple[tuple[Job, tuple[Work, ...]], ...]


def make(project: Project, listed: Clusters, faults: Faults) -> Plan:
    """Bring schedules and clusters together; what must not be is noted in ``faults``."""
    works = {job.name: _work(project, job, [job.name], job.tasks, faults) for job in _used(project)}
    _check_names(project, faults)
    stepping = {name for name, _ in listed.step_by_step}
    placed = []
    for cluster, place in listed.clusters:
        if cluster.environment not in project.environments:
            faults.add(place, f"cluster {cluster.name}: no environment {cluster.environment}")
        for pattern in cluster.schedules:
            if not fnmatch.filter(project.names, pattern):
                faults.add(place, f"cluster {cluster.name}: no schedule is called {pattern}")
        runs = [
            Run(
                each,
                works[each.job.name],
                each.annotations.owner or listed.owner,
                each.job.name in stepping,
            )
            for each in project.schedules
            if cluster.runs(each)
        ]
        _refuse_lost(cluster, place, runs, faults)
        placed.append((cluster, tuple(sorted(runs, key=lambda run: run.schedule.name))))
    _refuse_shared_states(project, placed, faults)
    steps = _step_by_step(project, listed, faults)
    used = [run.work for _, runs in placed for run in runs if not run.step_by_step]
    used += [work for _, works_of in steps for work in works_of]
    accesses = tuple(sorted({work.access for work in used}, key=lambda access: access.name))
    return Plan(listed.owner, tuple(placed), accesses, steps)


def _refuse_lost(cluster: Cluster, place: Place, runs: Iterable[Run], faults: Faults) -> None:
    """Note stores that nothing leads to: a connector would look for them in its own pod."""
    by_plugins = {run.work.access.plugins: run for run in runs}
    for plugins, run in by_plugins.items():
        for account in stores.accounts(plugins):
            if account.place and account.place not in cluster.settings:
                faults.add(
                    place,
                    f"cluster {cluster.name}: schedule {run.schedule.name} needs "
                    f"{account.place} in settings: where {account.store.name} is",
                )


def _check_names(project: Project, faults: Faults) -> None:
    for what, found in (("schedule", project.schedules), ("job", project.jobs.values())):
        for each in found:
            try:
                names.check(each.name)
            except ValueError as error:
                faults.add(each.place, f"{what}: {error}")


def _used(project: Project) -> Iterable[Job]:
    return {schedule.job.name: schedule.job for schedule in project.schedules}.values()


def _work(
    project: Project,
    job: Job,
    words: Iterable[str],
    tasks: Iterable[tuple[str, ...]],
    faults: Faults,
) -> Work:
    """Return what a run of ``words`` needs, which stand for ``tasks``."""
    used = dict.fromkeys(plugin_of(word) for task in tasks for word in task)
    named = [project.plugins[name] for name in used if name in project.plugins]
    found = [each for plugin in named for each in _spoken_for(project, plugin, job, faults)]
    for plugin in found:
        if plugin.base not in stores.ACCOUNTS:
            faults.add(
                job.place,
                f"job {job.name}: nothing says which store and account {plugin.base} has; "
                "add it to orchestrate/mixtape/render/stores.py",
            )
    found = [plugin for plugin in found if plugin.base in stores.ACCOUNTS]
    locks = [
        f"{account.store.name}-{plugin.config.get(account.writes, account.writes)}"
        for plugin in found
        for account in stores.ACCOUNTS[plugin.base]
        if account.writes
    ]
    locks = list(dict.fromkeys(lock.replace("_", "-") for lock in locks))
    bases = tuple(dict.fromkeys(plugin.base for plugin in found))
    return Work(tuple(words), Access(bases, len(locks)), tuple(locks))


def _spoken_for(project: Project, plugin: Plugin, job: Job, faults: Faults) -> Iterable[Plugin]:
    """Yield the plugins whose accounts a plugin needs: itself, where it speaks for no others."""
    if plugin.base not in stores.SPEAKS_FOR:
        yield plugin
    for setting in stores.SPEAKS_FOR.get(plugin.base, ()):
        name = plugin.config.get(setting)
        if name in project.plugins:
            yield project.plugins[name]
        else:
            faults.add(job.place, f"job {job.name}: {plugin.name}'s {setting} is no plugin: {name}")


def _step_by_step(
    project: Project, listed: Clusters, faults: Faults
) -> tuple[tuple[Job, tuple[Work, ...]], ...]:
    found = []
    for name, place in listed.step_by_step:
        job = project.jobs.get(name)
        if job is None:
            faults.add(place, f"step_by_step: no job {name}")
            continue
        found.append((job, tuple(_work(project, job, task, [task], faults) for task in job.tasks)))
    return tuple(found)


def _refuse_shared_states(
    project: Project, placed: Iterable[tuple[Cluster, tuple[Run, ...]]], faults: Faults
) -> None:
    """Note runs that would keep one bookmark: each would take the other's for its own."""
    holders: dict[tuple[str, str], tuple[str, Place]] = {}
    for cluster, runs in placed:
        uri = cluster.settings.get("MELTANO_STATE_BACKEND_URI", "").rstrip("/")
        for run in runs:
            for state in _states(project, run.schedule, cluster.environment):
                who = f"schedule {run.schedule.name} in {cluster.name}"
                holder, place = holders.setdefault((uri, state), (who, run.schedule.place))
                if holder != who:
                    faults.add(
                        run.schedule.place,
                        f"{who} would share the state {state} in {uri} with {holder} ({place}); "
                        "give one a state_id_suffix below annotations: mixtape, or let one go",
                    )


def _states(project: Project, schedule: Schedule, environment: str) -> Iterable[str]:
    """Yield the ids under which Meltano keeps bookmarks for the blocks of a schedule's job."""
    suffix = schedule.annotations.state_id_suffix
    for task in schedule.job.tasks:
        tap = ""
        for name in map(plugin_of, task):
            kind = project.plugins[name].kind if name in project.plugins else ""
            if kind == "extractors":
                tap = name
            elif kind == "loaders" and tap:
                parts = (environment, f"{tap}-to-{name}", suffix)
                yield ":".join(part for part in parts if part)
