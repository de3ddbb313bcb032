"""A schema that is found in the documents: sampled before the first, and widened by each later one.

A field has one type as long as all its values have. Integers widen to numbers; any other
disagreement makes the field JSON, which takes everything and never changes again. What has been
found goes into the state, so only a run that knows nothing samples.
"""

from __future__ import annotations

from decimal import Decimal
from hashlib import blake2b
from heapq import nsmallest
from itertools import islice
from typing import TYPE_CHECKING, Any

from tap_files.client import UnavailableError
from tap_files.formats import BadFileError, Document
from tap_files.opening import documents, is_read

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    from tap_files.client import FileObject, Store
    from tap_files.stream_settings import SourceSettings

SAMPLE_FILES, SAMPLE_DOCUMENTS = 20, 200
"""So many documents of each of so many files; they are the same as long as the files are."""
MAX_FIELDS = 1_000
"""More go into `_sdc_extra`: a field whose name is data would make a column of each value."""

_BIGINT = range(-(2**63), 2**63)
_JSON = "json"
_MOMENT = "date-time"
_KINDS: dict[type, str] = {
    bool: "boolean",
    int: "integer",
    float: "number",
    Decimal: "number",
    str: "string",
    dict: "object",
    list: "array",
}
_EVERYTHING = ["null", "boolean", "integer", "number", "string", "array", "object"]


class Inferred:
    """The fields of a stream, as far as they have been seen."""

    def __init__(self, moments: Iterable[str]) -> None:
        """Begin with nothing but the fields that are said to be moments."""
        self.fields: dict[str, str] = dict.fromkeys(moments, _MOMENT)
        """Kind of each field: a JSON type, ``date-time`` or ``json``."""

    def remember(self, fields: Any) -> None:
        """Add what an earlier run has found."""
        for name, found in fields.items() if isinstance(fields, dict) else ():
            if found in (_JSON, _MOMENT, *_KINDS.values()):
                self._widen(name, found)

    def adopt(self, properties: Mapping[str, Any]) -> None:
        """Add what a catalog says."""
        for name, schema in properties.items():
            types = schema.get("type", _EVERYTHING)
            names = {types} if isinstance(types, str) else set(types)
            names -= {"null"}
            found = names.pop() if len(names) == 1 else _JSON
            if found == "string" and schema.get("format") == _MOMENT:
                found = _MOMENT
            self.remember({name: found})

    def take(self, document: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any], bool]:
        """Return a document's record, the fields that have no place in it, and whether it widened.

        A null of a field that has never had a value says nothing yet.
        """
        record: dict[str, Any] = {}
        extra: dict[str, Any] = {}
        has_widened = False
        fields = self.fields
        for name, value in document.items():
            known = fields.get(name)
            if value is None:
                if known:
                    record[name] = None
                continue
            found = _KINDS[type(value)]
            if known not in (found, _JSON):
                if found == "integer" and value not in _BIGINT:
                    found = "number"
                if known is None and (len(fields) >= MAX_FIELDS or name.startswith("_sdc_")):
                    extra[name] = value
                    continue
                has_widened |= self._widen(name, found)
            record[name] = value
        return record, extra, has_widened

    def properties(self) -> dict[str, Any]:
        """Return the JSON Schema of each field."""
        return {name: _schema(found) for name, found in self.fields.items()}

    def _widen(self, name: str, found: str) -> bool:
        known = self.fields.get(name, found)
        wider = known
        if {known, found} == {"integer", "number"}:
            wider = "number"
        elif found != known and (known, found) != (_MOMENT, "string"):
            wider = _JSON
        has_widened = self.fields.get(name) != wider
        self.fields[name] = wider
        return has_widened


def sample(store: Store, source: SourceSettings, start: datetime | None) -> Iterator[Document]:
    """Yield some documents of some of the source's files; what cannot be read is passed over.

    Raises:
        SourceUnreachableError: the store cannot be reached or refuses.
    """
    wanted = (
        obj
        for obj in store.list_objects(source.prefix).objects
        if source.matches(obj.key)
        and is_read(obj.key, source)
        and (start is None or obj.last_modified >= start)
    )
    for obj in sorted(nsmallest(SAMPLE_FILES, wanted, key=_lot)):
        try:
            found = documents(store.stream(obj), obj.key, source)
            yield from (d for d in islice(found, SAMPLE_DOCUMENTS) if isinstance(d, Document))
        except (BadFileError, UnavailableError):
            continue


def _lot(obj: FileObject) -> bytes:
    """Return what decides whether a file is in the sample: chance, but always the same."""
    return blake2b(obj.key.encode("utf-8", "surrogateescape"), digest_size=8).digest()


def _schema(found: str) -> dict[str, Any]:
    if found == _JSON:
        return {"type": _EVERYTHING}
    if found == _MOMENT:
        return {"type": ["string", "null"], "format": _MOMENT}
    return {"type": [found, "null"]}
