"""Jobs and schedules as Meltano's files say them, annotations included.

The YAML is read here and not asked of Meltano: `meltano schedule list` drops annotations, starts
in seconds, and has no lines to put into an error.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import Field, field_validator

from mixtape.render import schedule as when
from mixtape.render.source import Checked, Marked, Place, checked, read

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mixtape.render.errors import Faults

VENDOR = "mixtape"
"""Our key below `annotations`, which Meltano leaves to others."""


class Annotations(Checked):
    """What a schedule says below `annotations: {mixtape: …}`."""

    owner: str | None = None
    description: str = ""
    timezone: str = when.TIMEZONE
    deadline_seconds: int = Field(default=when.DEADLINE_SECONDS, gt=2 * when.FINISH_SECONDS)
    state_id_suffix: str = Field(default="", pattern=r"^[a-z0-9-]*$")
    on_upload: bool = False

    @field_validator("timezone")
    @classmethod
    def _exists(cls, name: str) -> str:
        return when.timezone(name)


@dataclass(frozen=True)
class Plugin:
    """A plugin, with what it inherits."""

    name: str
    #: extractors, loaders, utilities, …
    kind: str
    #: the plugin that the others inherit from, or itself
    base: str
    config: dict[str, Any]


@dataclass(frozen=True)
class Job:
    """A job: its tasks in order, each the words of one block."""

    name: str
    tasks: tuple[tuple[str, ...], ...]
    place: Place


@dataclass(frozen=True)
class Schedule:
    """A schedule of a job."""

    name: str
    job: Job
    cron: str
    annotations: Annotations
    place: Place


@dataclass(frozen=True)
class Project:
    """What one Meltano project holds that a cluster must know."""

    environments: frozenset[str]
    plugins: dict[str, Plugin]
    jobs: dict[str, Job]
    schedules: tuple[Schedule, ...]
    #: the names of all schedules, of faulty ones too
    names: frozenset[str]


def load(root: Path, faults: Faults) -> Project:
    """Read `meltano.yml` and the files it includes; what is wrong is noted in ``faults``."""
    top = read(root, root / "meltano.yml")
    files = [top]
    for pattern in top.get("include_paths") or ():
        files += [read(root, path) for path in sorted(root.glob(pattern))]
    plugins = _plugins(files, faults)
    jobs = _jobs(files, plugins, faults)
    return Project(
        frozenset(each["name"] for file in files for each in _named(file, "environments", faults)),
        plugins,
        jobs,
        tuple(_schedules(files, jobs, faults)),
        frozenset(each["name"] for file in files for each in _named(file, "schedules", faults)),
    )


def plugin_of(word: str) -> str:
    """Return the plugin that a word of a task names: `dbt:build` is a command of `dbt`."""
    return word.partition(":")[0]


def _plugins(files: list[Marked], faults: Faults) -> dict[str, Plugin]:
    written = {
        each["name"]: (kind, each)
        for file in files
        for kind in file.get("plugins") or {}
        for each in _named(file["plugins"], kind, faults)
    }

    def resolved(name: str) -> Plugin:
        kind, each = written[name]
        parent = each.get("inherit_from")
        own = dict(each.get("config") or {})
        if parent is None or parent not in written:
            return Plugin(name, kind, parent or name, own)
        inherited = resolved(parent)
        return Plugin(name, kind, inherited.base, {**inherited.config, **own})

    return {name: resolved(name) for name in written}


def _jobs(files: list[Marked], plugins: dict[str, Plugin], faults: Faults) -> dict[str, Job]:
    jobs: dict[str, Job] = {}
    for file in files:
        for each in _named(file, "jobs", faults):
            name = each["name"]
            place = each.at("name")
            if name in jobs:
                faults.add(place, f"job {name} is there twice; first at {jobs[name].place}")
            tasks = each.get("tasks") or []
            blocks = tuple(tuple(_words(task)) for task in _as_list(tasks))
            for word in (word for block in blocks for word in block):
                if plugin_of(word) not in plugins:
                    faults.add(each.at("tasks"), f"job {name}: no plugin {plugin_of(word)}")
            jobs[name] = Job(name, blocks, place)
    return jobs


def _schedules(files: list[Marked], jobs: dict[str, Job], faults: Faults) -> Iterator[Schedule]:
    seen: dict[str, Place] = {}
    for file in files:
        for each in _named(file, "schedules", faults):
            name, place = each["name"], each.at("name")
            what = f"schedule {name}"
            if name in seen:
                faults.add(place, f"{what} is there twice; first at {seen[name]}")
            seen[name] = place
            said = (each.get("annotations") or {}).get(VENDOR) or Marked()
            if not said:
                said.place, said.lines = place, {}
            annotations = checked(Annotations, said, faults, what)
            job = jobs.get(each.get("job", ""))
            if job is None:
                named = f"no job {each['job']}" if "job" in each else "it names no job"
                faults.add(each.at("job"), f"{what}: {named}; write it below `jobs`")
            try:
                cron = when.cron(str(each.get("interval", "@manual")), name)
            except ValueError as error:
                faults.add(each.at("interval"), f"{what}: {error}")
                continue
            if job and annotations:
                yield Schedule(name, job, cron, annotations, place)


def _named(file: Marked, key: str, faults: Faults) -> Iterator[Marked]:
    """Yield the entries of a list of Meltano's, each of which has a name."""
    for each in file.get(key) or ():
        if isinstance(each, Marked) and isinstance(each.get("name"), str):
            yield each
        else:
            faults.add(each.at() if isinstance(each, Marked) else file.at(key), f"{key}: no name")


def _as_list(tasks: Any) -> list[Any]:
    return [tasks] if isinstance(tasks, str) else tasks


def _words(task: Any) -> Iterator[str]:
    """Yield the words of a task, written as one line or as a list of lines."""
    for part in _as_list(task):
        yield from part.split()
