"""The list of clusters: which environment each is, and which schedules run there."""

from __future__ import annotations

import fnmatch
import ipaddress
import re
from typing import TYPE_CHECKING, Self

from pydantic import Field, field_validator, model_validator

from mixtape.render import names
from mixtape.render.source import Checked, Marked, Place, checked, read
from mixtape.render.stores import STORES

if TYPE_CHECKING:
    from pathlib import Path

    from mixtape.render.errors import Faults
    from mixtape.render.meltano_files import Schedule

FILE = "orchestrate/clusters.yml"

_IMAGE = re.compile(r"[^@:\s]+(:\d+/[^@:\s]+)?@sha256:[0-9a-f]{64}")
_INSECURE = re.compile(r"http://|sslmode=(?!verify-full)|tls=false|insecure", re.IGNORECASE)
_SECRET = re.compile(r"PASSWORD|SECRET|TOKEN|ACCESS_KEY|CONNECTION_STRING|PRIVATE_KEY")
_VERIFIED = {"DBT_POSTGRES_SSLMODE": "verify-full", "TARGET_POSTGRES_SSL_MODE": "verify-full"}
_NEEDED = ("MELTANO_STATE_BACKEND_URI",)


class EventBus(Checked):
    """The NATS JetStream server that carries wake-ups."""

    url: str = Field(pattern=r"^(tls|nats)://")
    cidr: str


class Cluster(Checked):
    """One namespace of one cluster."""

    name: str
    environment: str
    #: only these clusters' schedules run; elsewhere they are there, suspended
    production: bool = False
    #: names of schedules, or shell patterns of them
    schedules: tuple[str, ...] = Field(min_length=1)
    image: str
    #: the API server's own address, which Argo's containers must reach
    api_server: str
    #: the name server's address, where it is no pod of kube-system (NodeLocal DNSCache)
    dns: str | None = None
    parallel_runs: int = Field(default=10, gt=0)
    #: variables of every run; nothing secret
    settings: dict[str, str]
    #: store → address of one that runs outside of the cluster
    stores: dict[str, str] = Field(default_factory=dict)
    #: where a failed run's webhook goes; without it failures are only logged
    webhook: str | None = None
    event_bus: EventBus | None = None

    @field_validator("name")
    @classmethod
    def _named(cls, name: str) -> str:
        return names.check(name)

    @field_validator("image")
    @classmethod
    def _pinned(cls, image: str) -> str:
        if not _IMAGE.fullmatch(image):
            raise ValueError(f"{image!r} must be name@sha256:<64 digits>: a tag can move")
        return image

    @field_validator("api_server", "dns", "webhook")
    @classmethod
    def _address(cls, cidr: str | None) -> str | None:
        return cidr and str(ipaddress.ip_network(cidr))

    @field_validator("stores")
    @classmethod
    def _known(cls, stores: dict[str, str]) -> dict[str, str]:
        known = {store.name for store in STORES}
        if unknown := sorted(set(stores) - known):
            raise ValueError(f"no store {', '.join(unknown)}; there are: {', '.join(known)}")
        return {name: str(ipaddress.ip_network(cidr)) for name, cidr in stores.items()}

    @field_validator("settings")
    @classmethod
    def _open(cls, settings: dict[str, str]) -> dict[str, str]:
        if secret := sorted(name for name in settings if _SECRET.search(name)):
            raise ValueError(f"{secret[0]} is a secret: its account in stores.py brings it")
        if missing := sorted(set(_NEEDED) - set(settings)):
            raise ValueError(f"{missing[0]} is missing: a pod's own folder forgets bookmarks")
        return settings

    @model_validator(mode="after")
    def _verified(self) -> Self:
        for name, value in self.settings.items() if self.production else ():
            if _INSECURE.search(value) or value != _VERIFIED.get(name, value):
                raise ValueError(f"{name}={value} is insecure, and {self.name} is production")
        return self

    def runs(self, schedule: Schedule) -> bool:
        """Return whether a schedule is one of this cluster's."""
        return any(fnmatch.fnmatchcase(schedule.name, pattern) for pattern in self.schedules)


class Clusters(Checked):
    """The whole list."""

    owner: str = Field(pattern=r"^[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$")
    #: jobs that also get a pod for each of their tasks
    step_by_step: tuple[tuple[str, Place], ...] = ()
    clusters: tuple[tuple[Cluster, Place], ...]


def load(root: Path, faults: Faults) -> Clusters | None:
    """Read the list; what is wrong is noted in ``faults``, with None for what has no head."""
    top = read(root, root / FILE)
    found: list[tuple[Cluster, Place]] = []
    for written in top.get("clusters") or ():
        if not isinstance(written, Marked):
            faults.add(top.at("clusters"), "each cluster is a mapping")
            continue
        cluster = checked(Cluster, written, faults, f"cluster {written.get('name')}")
        if cluster is None:
            continue
        for other, place in found:
            if other.name == cluster.name:
                faults.add(written.at("name"), f"cluster {cluster.name} is there twice; {place}")
        found.append((cluster, written.at("name")))
    steps = [(name, top.at("step_by_step")) for name in top.get("step_by_step") or ()]
    head = Marked({**top, "clusters": found, "step_by_step": steps})
    head.place, head.lines = top.place, top.lines
    return checked(Clusters, head, faults, "clusters")
