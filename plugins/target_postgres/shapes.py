"""JSON Schemas in the plain form that columns are made from.

References are replaced by what they name, ``allOf`` is merged into one schema, and a ``const``
or ``enum`` without a type gets those of its values. What refers to itself, or to nothing that
is in the schema, may hold anything.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

Schema = dict[str, Any]

# Of each value the first that it is: a truth value is an integer too.
_KINDS: tuple[tuple[type, str], ...] = (
    (bool, "boolean"),
    (int, "integer"),
    (float, "number"),
    (str, "string"),
    (list, "array"),
    (dict, "object"),
)
_LISTS = ("anyOf", "oneOf", "allOf")


def properties(schema: Schema) -> dict[str, Schema]:
    """Return the plain schema of each property of a stream's schema."""
    return {name: plain(one, schema) for name, one in schema["properties"].items()}


def plain(schema: Any, root: Schema, path: tuple[str, ...] = ()) -> Schema:
    """Return ``schema`` in plain form; ``path`` are the references that led to it from ``root``."""
    if not isinstance(schema, dict):
        return {}
    found = dict(schema)
    reference = found.pop("$ref", None)
    for keyword in _LISTS:
        if isinstance(options := found.get(keyword), list):
            found[keyword] = [plain(option, root, path) for option in options]
    if isinstance(named := found.get("properties"), dict):
        found["properties"] = {name: plain(one, root, path) for name, one in named.items()}
    if "items" in found:
        found["items"] = plain(found["items"], root, path)
    if reference is not None:
        found = _both(_referred(reference, root, path), found)
    parts = found.pop("allOf", ())
    for part in parts if isinstance(parts, list) else ():
        found = _both(found, part)
    if "type" not in found and not any(keyword in found for keyword in _LISTS):
        values = found.get("enum", [found["const"]] if "const" in found else [])
        if isinstance(values, list) and values:
            found["type"] = sorted({_type_of(value) for value in values})
    return found


def types(schema: Schema) -> set[str] | None:
    """Return the names of types that a schema allows; None if it does not say.

    What is no name, in a faulty schema, is passed over.
    """
    named = schema.get("type")
    if named is None:
        return None
    return {
        name for name in (named if isinstance(named, list) else [named]) if isinstance(name, str)
    }


def only_types(schema: Schema) -> Schema:
    """Return a plain schema with nothing in it but types, which no fault can make unreadable."""
    found: Schema = {}
    known = {name for _, name in _KINDS} | {"null"}
    if (names := types(schema)) is not None and names and names <= known:
        found["type"] = sorted(names)
    if isinstance(named := schema.get("properties"), dict):
        found["properties"] = {name: only_types(one) for name, one in named.items()}
    if isinstance(items := schema.get("items"), dict):
        found["items"] = only_types(items)
    return found


def _referred(reference: object, root: Schema, path: tuple[str, ...]) -> Schema:
    """Return what a reference names, empty if it leads nowhere or back to itself."""
    if not isinstance(reference, str) or not reference.startswith("#") or reference in path:
        return {}
    found: Any = root
    for part in unquote(reference.removeprefix("#")).split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        if not isinstance(found, dict) or name not in found:
            return {}
        found = found[name]
    return plain(found, root, (*path, reference))


def _both(one: Schema, other: Schema) -> Schema:
    """Return the schema of what both allow, as far as columns ask."""
    found = {**one, **other}
    first, second = types(one), types(other)
    if first is not None and second is not None:
        if "number" in first and "integer" in second:
            first = first | {"integer"}
        if "number" in second and "integer" in first:
            second = second | {"integer"}
        found["type"] = sorted(first & second)
    if isinstance(one.get("properties"), dict) and isinstance(other.get("properties"), dict):
        found["properties"] = {**one["properties"], **other["properties"]}
    for keyword, stricter in (("minimum", max), ("maximum", min)):
        bounds = [
            bound
            for bound in (one.get(keyword), other.get(keyword))
            if isinstance(bound, int | float)
        ]
        if bounds:
            found[keyword] = stricter(bounds)
    return found


def _type_of(value: object) -> str:
    return next((name for kind, name in _KINDS if isinstance(value, kind)), "null")
