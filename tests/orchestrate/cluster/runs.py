"""Starting what is deployed, and looking at what it left in the stores."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date

    from orchestrate.cluster.kube import Kube, Object
    from orchestrate.cluster.platform import Platform


@dataclass
class Cluster:
    """The deployed project, with the stores it works on."""

    kube: Kube
    platform: Platform

    def start(self, schedule: str, **arguments: str) -> str:
        """Start now what a schedule would start; return the Workflow's name.

        An argument's name is written with _ for -.
        """
        spec = self.kube.get("cronworkflow", schedule)["spec"]["workflowSpec"]
        given = {each["name"]: each["value"] for each in spec["arguments"]["parameters"]}
        given |= {name.replace("_", "-"): value for name, value in arguments.items()}
        parameters = [{"name": name, "value": value} for name, value in given.items()]
        spec["arguments"]["parameters"] = parameters
        return self.submit(workflow(f"{schedule}-", spec))

    def backfill(self, schedule: str, days: Sequence[date]) -> str:
        """Start a schedule's job again from each of some days on; return the Workflow's name."""
        spec = self.kube.get("cronworkflow", schedule)["spec"]["workflowSpec"]
        said = {each["name"]: each["value"] for each in spec["arguments"]["parameters"]}
        given = {
            name: value for name, value in said.items() if not name.endswith(("suffix", "seconds"))
        }
        given |= {"deadline-seconds": "900", "start-dates": json.dumps([str(day) for day in days])}
        parameters = [{"name": name, "value": value} for name, value in given.items()]
        return self.submit(
            workflow(
                "backfill-",
                {
                    "workflowTemplateRef": {"name": "meltano-backfill"},
                    "entrypoint": spec["entrypoint"],
                    "arguments": {"parameters": parameters},
                },
            )
        )

    def submit(self, what: Object) -> str:
        """Make a Workflow of a manifest; return its name."""
        made = self.kube("create", "--filename", "-", "--output", "name", given=json.dumps(what))
        return made.strip().rpartition("/")[2]

    def run(self, schedule: str, seconds: float = 240, **arguments: str) -> Object:
        """Start what a schedule would start and return the Workflow once it has succeeded."""
        return self.succeeded(self.start(schedule, **arguments), seconds)

    def succeeded(self, name: str, seconds: float = 240) -> Object:
        """Return a Workflow once it has succeeded."""
        found = self.kube.await_workflow(name, seconds)
        assert found["status"]["phase"] == "Succeeded", self.story(found)
        return found

    @contextlib.contextmanager
    def scheduled(self, schedule: str) -> Iterator[None]:
        """Let a schedule go; it is suspended again at the end."""
        self._suspend(schedule, suspended=False)
        try:
            yield
        finally:
            self._suspend(schedule, suspended=True)

    def _suspend(self, schedule: str, *, suspended: bool) -> None:
        patch = json.dumps({"spec": {"suspend": suspended}})
        self.kube("patch", "cronworkflow", schedule, "--type", "merge", "--patch", patch)

    def story(self, workflow: Object) -> str:
        """Return what went wrong with a Workflow: its nodes' messages and its log."""
        name = workflow["metadata"]["name"]
        nodes = workflow["status"].get("nodes", {}).values()
        said = [
            f"{each['displayName']} {each['phase']} {each.get('message', '')}" for each in nodes
        ]
        return "\n".join([str(workflow["status"].get("message")), *said, *self.kube.log(name)])

    def said(self, workflow: Object) -> list[dict[str, Any]]:
        """Return what the runs of a Workflow logged; each line must be a JSON object."""
        lines = self.kube.log(workflow["metadata"]["name"])
        plain = [line for line in lines if not line.startswith("{")]
        assert not plain, "not JSON: " + "\n".join(plain)
        return [json.loads(line) for line in lines]

    def put(self, files: dict[str, bytes]) -> None:
        """Put objects into the bucket of raps."""
        for key, body in files.items():
            self.platform.store.client.put_object(Bucket=self.platform.raps, Key=key, Body=body)

    def delete(self, key: str) -> None:
        """Remove an object from the bucket of raps."""
        self.platform.store.client.delete_object(Bucket=self.platform.raps, Key=key)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Return what the superuser sees in the warehouse."""
        with self.platform.database.connect() as connection:
            return connection.execute(query.encode()).fetchall()

    def served(self, query: str) -> list[Any]:
        """Return what the superuser sees in Cassandra."""
        with self.platform.cassandra.session() as session:
            return list(session.execute(query))

    def states(self) -> dict[str, bytes]:
        """Return Meltano's state objects: key → bytes."""
        client, bucket = self.platform.store.client, self.platform.state
        listed = client.list_objects_v2(Bucket=bucket).get("Contents", [])
        return {
            each["Key"]: client.get_object(Bucket=bucket, Key=each["Key"])["Body"].read()
            for each in listed
            if each["Key"].endswith("state.json")
        }


def workflow(prefix: str, spec: Object) -> Object:
    """Return the manifest of a Workflow."""
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"generateName": prefix},
        "spec": spec,
    }
