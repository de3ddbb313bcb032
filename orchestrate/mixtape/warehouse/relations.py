"""What dbt's manifest says of the relations that readers see: where, how made, how joined."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dbt.contracts.graph.nodes import GenericTestNode, ModelNode

from mixtape.warehouse.publish import ROOMS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dbt.contracts.graph.manifest import Manifest


@dataclass(frozen=True)
class ForeignKey:
    """A column whose values are keys of another mart, as a relationships test says."""

    column: str
    to: str
    field: str


@dataclass(frozen=True)
class Merge:
    """How what changed goes into a mart that grows."""

    key: tuple[str, ...]
    """Columns of the rows that are replaced."""
    changed: tuple[str, str]
    """Schema and name of the relation that has every key to replace, those of deleted rows too."""


@dataclass(frozen=True)
class Mart:
    """A relation that readers see."""

    name: str
    room: str
    is_view: bool
    merge: Merge | None = None
    foreign_keys: list[ForeignKey] = field(default_factory=list)


def marts(manifest: Manifest) -> list[Mart]:
    """Return what is to be published, in the order of their names."""
    models = {node.unique_id: node for node in _models(manifest) if node.config.schema in ROOMS}
    keys = _foreign_keys(manifest, models)
    return sorted(
        (
            Mart(
                node.name,
                str(node.config.schema),
                node.config.materialized == "view",
                _merge(manifest, node),
                sorted(keys.get(unique_id, ()), key=lambda key: key.column),
            )
            for unique_id, node in models.items()
        ),
        key=lambda mart: mart.name,
    )


def _models(manifest: Manifest) -> Iterator[ModelNode]:
    return (node for node in manifest.nodes.values() if isinstance(node, ModelNode))


def _merge(manifest: Manifest, node: ModelNode) -> Merge | None:
    declared = node.config.meta.get("merge")
    if declared is None:
        return None
    changed = next(other for other in _models(manifest) if other.name == declared["changed"])
    return Merge(tuple(declared["key"]), (changed.schema, changed.name))


def _foreign_keys(manifest: Manifest, models: dict[str, ModelNode]) -> dict[str, list[ForeignKey]]:
    found: dict[str, list[ForeignKey]] = {}
    for node in manifest.nodes.values():
        if not isinstance(node, GenericTestNode) or node.test_metadata.name != "relationships":
            continue
        if (mart := node.attached_node) not in models:
            continue
        (to,) = set(node.depends_on.nodes) - {mart}
        found.setdefault(mart, []).append(
            ForeignKey(
                str(node.column_name), models[to].name, str(node.test_metadata.kwargs["field"])
            )
        )
    return found
