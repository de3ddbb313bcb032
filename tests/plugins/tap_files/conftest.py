"""Where the tap's tests have their files."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from fixtures.tapped import Bucket, Folder, Tapped

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fixtures.fix_object_store import Store


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """An empty local folder."""
    root = tmp_path / "raps"
    root.mkdir()
    return Folder(root)


@pytest.fixture
def s3(object_store: Store, bucket: str) -> Bucket:
    """An empty bucket."""
    return Bucket(object_store, bucket)


@pytest.fixture(params=["folder", "s3"])
def files(request: pytest.FixtureRequest) -> Tapped:
    """Each in turn: what is true of files is true of both."""
    found: Tapped = request.getfixturevalue(request.param)
    return found


@pytest.fixture(autouse=True)
def _signals_as_before() -> Iterator[None]:
    """A tap made in this process takes over signals; pytest gets its own back."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
