"""The pod of a run: one hardened container, with what its plugins need and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hera.workflows.models import (
    ConfigMapEnvSource,
    ConfigMapVolumeSource,
    Container,
    EmptyDirVolumeSource,
    EnvFromSource,
    EnvVar,
    EnvVarSource,
    Inputs,
    Metadata,
    Parameter,
    Quantity,
    SecretKeySelector,
    SecretVolumeSource,
    Template,
    Volume,
    VolumeMount,
)

from mixtape.render import locks, names, resources, security, stores

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mixtape.render.plan import Access

IMAGE = "mixtape"
"""Name of the image in the base; each cluster's overlay puts its own, by digest, in its place."""

SETTINGS = "mixtape-settings"
"""The ConfigMap of a cluster with the variables of every run, MELTANO_ENVIRONMENT among them."""

EXECUTOR = "mixtape-executor"
"""The ServiceAccount of Argo's own containers; the run's has no token at all."""

WEBHOOK_SECRET = "mixtape-webhook"  # noqa: S105 - a name
DEADLINE = "deadline-seconds"
MAX_RUN = "max-run-seconds"
STATE_SUFFIX = "state-id-suffix"
START_DATE = "start-date"

_STATE_FOLDER = "/var/lib/meltano"
_ALWAYS = {
    "HOME": "/tmp",  # noqa: S108 - an emptyDir of the pod's own
    "NO_COLOR": "1",
    "MELTANO_PROJECT_READONLY": "1",
    "MELTANO_SYS_DIR_ROOT": _STATE_FOLDER,
    "MELTANO_RUN_FORCE": "true",  # Forbid and the mutexes keep runs apart
    "MELTANO_RUN_ID": "{{workflow.uid}}",
    "MIXTAPE_WORKFLOW": "{{workflow.name}}",
    "DBT_TARGET_PATH": f"{_STATE_FOLDER}/dbt/target",
    "DBT_LOG_PATH": f"{_STATE_FOLDER}/dbt/logs",
}
# Which taps can start at a day, and by which variable.
_START_DATES = {"tap-files": "TAP_FILES_START_DATE"}


def lock_inputs(count: int) -> list[str]:
    """Return the names of the parameters that say what a run of this kind locks."""
    return [f"lock-{number}" for number in range(1, count + 1)]


def run(
    access: Access,
    owner: str,
    words: Sequence[str] = ("{{inputs.parameters.job}}",),
    *,
    name: str | None = None,
    backfill: bool = False,
) -> Template:
    """Return the template that runs `meltano run` with ``words``.

    Its inputs are those that the words name, the deadline, the tap's own end, the state's suffix
    and the locks; a backfill's first day too.
    """
    inputs = [*(["job"] if "{{inputs.parameters.job}}" in words else []), DEADLINE]
    taps = [plugin for plugin in access.plugins if plugin.startswith("tap-")]
    if taps:
        inputs += [MAX_RUN, STATE_SUFFIX]
    if backfill:
        inputs.append(START_DATE)
    mutexes = lock_inputs(access.locks)
    return Template(
        name=name or access.name,
        inputs=Inputs(parameters=[Parameter(name=each) for each in [*inputs, *mutexes]]),
        metadata=Metadata(
            labels={
                **names.labels("run", owner),
                **{client_label(store.name): "client" for store in stores.stores(access.plugins)},
            }
        ),
        service_account_name=service_account(access),
        active_deadline_seconds=input_of(DEADLINE),
        retry_strategy=locks.retry(input_of(DEADLINE)),
        synchronization=locks.synchronization(input_of(each) for each in mutexes),
        container=Container(
            image=IMAGE,
            command=["meltano"],
            # As a variable it would come too late for Meltano's first line.
            args=["--log-format=json", "run", *words],
            env=_environment(access, taps, backfill=backfill),
            env_from=[EnvFromSource(config_map_ref=ConfigMapEnvSource(name=SETTINGS))],
            volume_mounts=[
                *_mounts(),
                *(
                    VolumeMount(
                        name=account.secret,
                        mount_path=f"/etc/mixtape/{account.secret}",
                        read_only=True,
                    )
                    for account in stores.accounts(access.plugins)
                    if account.files
                ),
            ],
            resources=resources.run(),
            security_context=security.container(),
        ),
        volumes=[
            Volume(
                name=account.secret,
                secret=SecretVolumeSource(secret_name=account.secret, default_mode=0o400),
            )
            for account in stores.accounts(access.plugins)
            if account.files
        ]
        or None,
    )


def notify(owner: str) -> Template:
    """Return the template of the exit handler, which says what failed."""
    said = {
        "MIXTAPE_STATUS": "{{workflow.status}}",
        "MIXTAPE_WORKFLOW": "{{workflow.name}}",
        "MIXTAPE_RUN_ID": "{{workflow.uid}}",
        "MIXTAPE_SECONDS": "{{workflow.duration}}",
        "MIXTAPE_FAILURES": "{{workflow.failures}}",
        "HOME": "/tmp",  # noqa: S108 - an emptyDir of the pod's own
    }
    secret = SecretKeySelector(name=WEBHOOK_SECRET, key="url", optional=True)
    return Template(
        name="notify",
        metadata=Metadata(labels=names.labels("notify", owner)),
        service_account_name="mixtape-notify",
        active_deadline_seconds=120,
        retry_strategy=locks.retry("2m"),
        container=Container(
            image=IMAGE,
            command=["mixtape"],
            args=["notify"],
            env=[
                *(EnvVar(name=name, value=value) for name, value in said.items()),
                EnvVar(name="MIXTAPE_WEBHOOK_URL", value_from=EnvVarSource(secret_key_ref=secret)),
            ],
            volume_mounts=_mounts(),
            resources=resources.executor(),
            security_context=security.container(),
        ),
    )


def service_account(access: Access) -> str:
    """Return the ServiceAccount of runs of a kind: no two kinds share one."""
    return f"meltano-{access.name}"


def client_label(store: str) -> str:
    """Return the label of pods that may reach a store."""
    return f"{names.APP}/{store}"


def volumes() -> list[Volume]:
    """Return what every pod has: two sized folders to write to, and whom to trust."""
    return [
        Volume(name="tmp", empty_dir=EmptyDirVolumeSource(size_limit=Quantity(root="512Mi"))),
        Volume(name="meltano", empty_dir=EmptyDirVolumeSource(size_limit=Quantity(root="512Mi"))),
        Volume(
            name="ca",
            config_map=ConfigMapVolumeSource(name=stores.CA_CONFIG_MAP, default_mode=0o444),
        ),
    ]


def _environment(access: Access, taps: Sequence[str], *, backfill: bool) -> list[EnvVar]:
    plain = dict(_ALWAYS)
    secret: list[EnvVar] = []
    for account in stores.accounts(access.plugins):
        plain |= account.settings
        secret += [
            EnvVar(
                name=name,
                value_from=EnvVarSource(
                    secret_key_ref=SecretKeySelector(name=account.secret, key=key)
                ),
            )
            for name, key in account.secrets.items()
        ]
    for tap in taps:
        plain[f"{tap.upper().replace('-', '_')}_MAX_RUN_SECONDS"] = input_of(MAX_RUN)
        if backfill and tap in _START_DATES:
            plain[_START_DATES[tap]] = input_of(START_DATE)
    if taps:
        plain["MELTANO_RUN_STATE_ID_SUFFIX"] = input_of(STATE_SUFFIX)
    return [*(EnvVar(name=name, value=value) for name, value in plain.items()), *secret]


def _mounts() -> list[VolumeMount]:
    return [
        VolumeMount(name="tmp", mount_path="/tmp"),  # noqa: S108 - the pod's own
        VolumeMount(name="meltano", mount_path=_STATE_FOLDER),
        VolumeMount(name="ca", mount_path="/etc/mixtape/ca", read_only=True),
    ]


def input_of(name: str) -> str:
    """Return the place of a template's input in its text."""
    return f"{{{{inputs.parameters.{name}}}}}"
