"""The image runs what a laptop runs: as nobody, on a read-only root, and stops when it is told.

Build it first (`make image`). MIXTAPE_IMAGE names another; docker or podman runs it.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from fixtures.fix_meltano import MakeProject, Project

pytestmark = pytest.mark.image

_BOUND = (
    *("--read-only", "--cap-drop", "all", "--security-opt", "no-new-privileges"),
    *("--user", "10001:10001", "--network", "host"),
    *("--tmpfs", "/tmp", "--tmpfs", "/var/lib/meltano:mode=1777"),
)
# What a run is told of the stores; everything else is in the image.
_TOLD = re.compile(r"(TARGET_POSTGRES|DBT|AWS_(AC|SEC|REG)|S3|TAP_FILES)|MELTANO_ENVIRONMENT$")
_ROUNDS = 3
_MANY = 1500
_COMPRESSED_MEBIBYTES = 350


@pytest.fixture(scope="session")
def runner() -> str:
    """The program that runs containers."""
    said = []
    for name in filter(shutil.which, ("podman", "docker")):
        asked = subprocess.run([name, "info"], capture_output=True, text=True, check=False)
        if asked.returncode == 0:
            return name
        said.append(f"{name}: {asked.stderr.strip()}")
    why = "; ".join(said)
    pytest.fail(f"podman or docker is to run here, see CONTRIBUTING.md, On a cluster. {why}")


@pytest.fixture(scope="session")
def image(runner: str, project_root: Path) -> str:
    """The image's name."""
    version = re.search(
        r'^version = "(.*)"', (project_root / "pyproject.toml").read_text(), re.MULTILINE
    )
    assert version
    return os.environ.get("MIXTAPE_IMAGE", f"mixtape:{version[1]}")


@pytest.fixture
def stored(project: Project) -> dict[str, str]:
    """A run's variables: the project's stores, with bookmarks in the object store."""
    told = {name: value for name, value in project.environment.items() if _TOLD.match(name)}
    return {
        **told,
        "MELTANO_STATE_BACKEND_URI": f"s3://{project.bucket}/.state",
        "MELTANO_STATE_BACKEND_S3_ENDPOINT_URL": project.store.endpoint_url,
        "MELTANO_STATE_BACKEND_S3_AWS_ACCESS_KEY_ID": project.store.access_key,
        "MELTANO_STATE_BACKEND_S3_AWS_SECRET_ACCESS_KEY": project.store.secret_key,
    }


def test_bound_container_turns_raps_into_facts(
    runner: str, image: str, project: Project, stored: dict[str, str], raps: dict[str, bytes]
) -> None:
    project.put(raps)
    done = _run(runner, image, stored, "run", "files-to-postgres", "transform")
    assert done.returncode == 0, done.stderr
    ((facts,),) = project.rows("select count(*) from marts.fct_lyric_releases")
    ((lyrics,),) = project.rows("select count(distinct lyric_id) from raw_files.lyrics")
    assert facts == lyrics > 0
    again = _run(runner, image, stored, "run", "files-to-postgres")
    assert again.returncode == 0, again.stderr
    assert project.last_load()["lyrics"]["rows_in"] == 0, "its bookmark outlived the container"


def test_sigterm_in_the_middle_loses_nothing(
    runner: str, image: str, project: Project, stored: dict[str, str], raps: dict[str, bytes]
) -> None:
    files = _many(raps)
    project.put(files)
    name = f"mixtape-{project.bucket}"
    process = subprocess.Popen(
        _command(runner, image, stored, ("run", "files-to-postgres"), "--name", name),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    _await_rows(project, process)
    subprocess.run([runner, "kill", "--signal", "TERM", name], check=True, capture_output=True)
    _, log = process.communicate(timeout=110)
    assert process.returncode != 0, "it was told to stop before its end"
    assert "Traceback" not in log, log
    done = _run(runner, image, stored, "run", "files-to-postgres")
    assert done.returncode == 0, done.stderr
    ((rows,),) = project.rows("select count(distinct _sdc_source_file) from raw_files.artists")
    assert rows == len(files)


def test_nothing_in_it_installs_compiles_or_fetches(runner: str, image: str) -> None:
    builders = ["pip", "pip3", "uv", "gcc", "cc", "g++", "make"]
    tools = [*builders, "git", "curl", "wget", "ruff", "pytest", "mypy", "sqlfluff"]
    found = _inside(runner, image, f"for each in {' '.join(tools)}; do command -v $each; done; :")
    assert found.split() == []
    modules = '("pip", "uv", "virtualenv", "ensurepip", "pytest", "hera", "moto")'
    look = f"import importlib.util as u; print([m for m in {modules} if u.find_spec(m)])"
    for python in ("/usr/bin/python3", "/opt/mixtape/bin/python"):
        assert _inside(runner, image, f"{python} -c '{look}'").strip() == "[]"


def test_it_may_do_nothing_but_write_to_its_own_folders(runner: str, image: str) -> None:
    said = _inside(
        runner,
        image,
        "id -u; id -g; grep CapBnd /proc/self/status;"
        " touch /project/x 2>&1; touch /tmp/x && echo ok",
    )
    uid, gid, capabilities, refused, written = said.strip().splitlines()
    assert (uid, gid) == ("10001", "10001")
    assert int(capabilities.split()[1], 16) == 0
    assert "Read-only file system" in refused
    assert written == "ok"


def test_image_says_what_it_is(runner: str, image: str, project_root: Path) -> None:
    described: dict[str, Any] = json.loads(
        subprocess.run([runner, "inspect", image], check=True, capture_output=True).stdout
    )[0]
    config = described["Config"]
    assert config["User"] == "10001:10001"
    assert config["Entrypoint"] == ["meltano"]
    labels = config["Labels"]
    assert re.fullmatch(r"[0-9a-f]{40}(-dirty)?", labels["org.opencontainers.image.revision"])
    assert (
        labels["org.opencontainers.image.version"] in (project_root / "pyproject.toml").read_text()
    )


def test_image_is_small_enough_to_pull(runner: str, image: str) -> None:
    size = 0
    with (
        subprocess.Popen([runner, "save", image], stdout=subprocess.PIPE) as saved,
        # The fastest way packs least: what a registry holds is no larger.
        subprocess.Popen(["gzip", "-1"], stdin=saved.stdout, stdout=subprocess.PIPE) as packed,
    ):
        assert packed.stdout
        while chunk := packed.stdout.read(1 << 20):
            size += len(chunk)
    assert (saved.returncode, packed.returncode) == (0, 0)
    assert size <= _COMPRESSED_MEBIBYTES * 1024 * 1024


def test_change_of_a_model_rebuilds_the_last_layer_alone(
    runner: str, project_root: Path, tmp_path: Path
) -> None:
    _check_out(project_root, tmp_path)
    before = _built_layers(runner, tmp_path)
    model = next((tmp_path / "transform" / "models").rglob("*.sql"))
    model.write_text(model.read_text() + "\n-- changed\n")
    after = _built_layers(runner, tmp_path)
    assert after[:-1] == before[:-1]
    assert after[-1] != before[-1]


def test_container_starts_nearly_as_fast_as_the_command(
    runner: str, image: str, make_project: MakeProject, stored: dict[str, str], project: Project
) -> None:
    outside = make_project(project.bucket)
    bookmarks = {name: value for name, value in stored.items() if "STATE" in name}
    bare, contained = [], []
    for _ in range(_ROUNDS + 1):
        began = time.monotonic()
        outside.run("files-to-postgres", **bookmarks)
        between = time.monotonic()
        assert _run(runner, image, stored, "run", "files-to-postgres").returncode == 0
        bare.append(between - began)
        contained.append(time.monotonic() - between)
    # The first of each fills caches.
    assert min(contained[1:]) <= 1.5 * min(bare[1:]), (bare, contained)


def _check_out(project_root: Path, folder: Path) -> None:
    """Make a copy of what is committed or about to be, with its times, and commit it there."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=project_root, check=True, capture_output=True, text=True
    )
    for name in filter(None, listed.stdout.split("\0")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(project_root / name, folder / name)
    for command in (
        ["init", "--quiet"],
        ["-c", "user.name=x", "-c", "user.email=x@x", "commit", "--quiet", "--allow-empty", "-mx"],
    ):
        subprocess.run(["git", *command], cwd=folder, check=True)


def _built_layers(runner: str, folder: Path) -> list[str]:
    """Build the image of a checkout; return the digests of its layers."""
    name = "localhost/mixtape-layers:test"
    script = str(folder / "orchestrate" / "image" / "build.sh")
    # One that keeps its images where the runner looks for them.
    builder = {"BUILDER": runner, **os.environ}
    subprocess.run(["bash", script, name], check=True, capture_output=True, env=builder)
    described = subprocess.run([runner, "inspect", name], check=True, capture_output=True)
    layers: list[str] = json.loads(described.stdout)[0]["RootFS"]["Layers"]
    return layers


def _many(raps: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return many small files of artists."""
    template = next(body for key, body in raps.items() if key.startswith("artists/")).decode()
    return {
        f"artists/many-{number}.yaml": re.sub(
            r"(?m)^name:.*$", f"name: MC {number}", re.sub(r"(?m)^artist_id:.*\n", "", template)
        ).encode()
        for number in range(_MANY)
    }


def _await_rows(project: Project, process: subprocess.Popen[str]) -> None:
    """Return once the loader has begun: its table of loads is there."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        ((begun,),) = project.rows("select to_regclass('raw_files._sdc_loads') is not null")
        if begun:
            return
        assert process.poll() is None, "it ended too early"
        time.sleep(0.1)
    raise TimeoutError


def _run(
    runner: str, image: str, told: Mapping[str, str], *arguments: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        _command(runner, image, told, arguments),
        capture_output=True,
        text=True,
        check=False,
        timeout=400,
    )


def _command(
    runner: str, image: str, told: Mapping[str, str], arguments: tuple[str, ...], *options: str
) -> list[str]:
    variables = [f"--env={name}={value}" for name, value in told.items()]
    return [runner, "run", "--rm", *_BOUND, *variables, *options, image, *arguments]


def _inside(runner: str, image: str, script: str) -> str:
    command = [runner, "run", "--rm", *_BOUND, "--entrypoint", "/bin/sh", image, "-c", script]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
