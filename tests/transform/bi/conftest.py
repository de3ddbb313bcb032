"""The warehouse as analysts meet it: both feeds, published, its foreign keys drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mixtape.services.postgres import conninfo_uri

if TYPE_CHECKING:
    from transform.growing import Growing


@pytest.fixture(scope="package")
def published(growing: Growing) -> Growing:
    """A warehouse in which everything that was loaded is published; tests only read it."""
    growing.build()
    return growing


@pytest.fixture(scope="package")
def bi_reader_uri(published: Growing) -> str:
    """Its address for the BI role."""
    return conninfo_uri(published.warehouse.uri, "bi_reader")
