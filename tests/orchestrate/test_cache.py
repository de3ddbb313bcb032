"""The user's cache: each thing is made once and whole, whoever else wants it at that moment."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from mixtape import cache
from mixtape.services.mongodb import Mongodb, build

if TYPE_CHECKING:
    from pathlib import Path

WANTED_BY = 8


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "mixtape"


def test_what_many_want_at_once_is_made_once(home: Path) -> None:
    made: list[Path] = []
    all_want_it, another_makes_it = threading.Barrier(WANTED_BY), threading.Event()

    def make(into: Path) -> None:
        made.append(into)
        if len(made) > 1:
            another_makes_it.set()
        (into / "first").touch()
        another_makes_it.wait(timeout=0.5)  # time for it to go wrong
        assert not (home / "thing").exists(), "half of it is to be seen"
        (into / "second").touch()

    def want(_: int) -> list[str]:
        all_want_it.wait(timeout=30)
        return sorted(path.name for path in cache.kept("thing", make).iterdir())

    with ThreadPoolExecutor(WANTED_BY) as many:
        found = list(many.map(want, range(WANTED_BY)))
    assert found == [["first", "second"]] * WANTED_BY
    assert len(made) == 1
    assert sorted(path.name for path in home.iterdir()) == ["thing", "thing.lock"]


def test_what_cannot_be_made_is_not_kept(home: Path) -> None:
    def fail(into: Path) -> None:
        (into / "half").touch()
        raise OSError("no network")

    with pytest.raises(OSError, match="no network"):
        cache.kept("thing", fail)
    assert [path.name for path in home.iterdir()] == ["thing.lock"]
    assert list(cache.kept("thing", lambda into: (into / "whole").touch()).iterdir()) == [
        home / "thing" / "whole"
    ]


def test_a_killed_maker_is_followed_by_the_next(home: Path) -> None:
    dies = (
        "import os, signal\n"
        "from mixtape import cache\n"
        "def make(into):\n"
        "    (into / 'half').touch()\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "cache.kept('thing', make)\n"
    )
    killed = subprocess.run([sys.executable, "-c", dies], check=False, timeout=60)
    assert killed.returncode < 0
    assert not (home / "thing").exists()
    assert list(cache.kept("thing", lambda into: (into / "whole").touch()).iterdir()) == [
        home / "thing" / "whole"
    ]


def test_a_cache_may_be_moved(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as usual:
        usual.delenv("XDG_CACHE_HOME")
        folder = build().parents[1]
    shutil.copytree(folder, home / folder.name, symlinks=True, copy_function=os.link)
    server = Mongodb(tmp_path / "run")
    server.start()
    try:
        (python, *_) = server.processes()[0].cmdline()
        opened = {file.path for process in server.processes() for file in process.memory_maps()}
    finally:
        server.stop()
    assert python.startswith(str(home))
    assert any(path.startswith(str(home)) for path in opened)
    assert not any(path.startswith(str(folder)) for path in opened)
