"""A configuration of MeltanoLabs' target-postgres: it works, or says what it does not do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from singer_kit.errors import ExitCode

from .conftest import record, schema

if TYPE_CHECKING:
    from .conftest import Warehouse

SHAPE = schema("t", {"id": {"type": "integer"}, "name": {"type": "string"}})
ROW = record("t", id=1, name="a\0b")


def test_a_configuration_carries_over(warehouse: Warehouse) -> None:
    result = warehouse.load(
        SHAPE,
        ROW,
        dialect_driver="postgresql+psycopg",
        use_copy=True,
        validate_records=False,
        load_method="upsert",
        batch_size_rows=10_000,
        sanitize_null_text_characters=True,
        hard_delete=False,
        activate_version=True,
        flattening_enabled=False,
        ssh_tunnel={"enable": False},
        stream_maps={},
    )
    assert result.error is None
    assert warehouse.rows("t", "id, name") == [{"id": 1, "name": "ab"}]


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("stream_maps", {"t": {"name": "__NULL__"}}),
        ("flattening_enabled", True),
        ("load_method", "overwrite"),
        ("ssh_tunnel", {"enable": True, "host": "bastion"}),
    ],
)
def test_what_would_change_rows_and_is_not_done_is_refused_by_name(
    warehouse: Warehouse, setting: str, value: Any
) -> None:
    result = warehouse.load(SHAPE, ROW, **{setting: value})
    assert result.exit_code == ExitCode.CONFIG
    assert f"setting {setting!r}" in str(result.error)
    assert warehouse.value("select to_regclass('raw.t') is null")
