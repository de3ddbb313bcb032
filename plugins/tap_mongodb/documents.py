"""From a document's BSON bytes to the members of its record: the one door to everything behind.

What cannot become a record is a :class:`RejectedError` with each fault, made for quarantine.
"""

from __future__ import annotations

import base64
from collections import Counter
from typing import TYPE_CHECKING, Any

import msgspec

from singer_kit.contract import Fault, json_path
from singer_kit.errors import ConfigError, ContractExceededError
from tap_mongodb.bson_bytes import BadValueError
from tap_mongodb.extended_json import CanonicalWriter, RelaxedWriter, encode_json
from tap_mongodb.identity import key_text_of
from tap_mongodb.inferred import InferredShape
from tap_mongodb.plain_json import ForbiddenValueError, PlainJson, PlainWriter, Policy
from tap_mongodb.shapes import FaultyError, RawShape, declared_shape

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from tap_mongodb.settings import Settings
    from tap_mongodb.shapes import Shape

MAX_PAYLOAD_BYTES = 48 * 1024
"""So much of what is no BSON goes into quarantine."""
# Behind `_id`, where a document begins with it as an ObjectId; nearly all do.
_OBJECT_ID_FIRST = b"\x07_id\x00"
_FIRST = slice(4, 9)


class RejectedError(Exception):
    """A document that cannot become a record."""

    def __init__(
        self, faults: list[Fault], payload: dict[str, Any] | None, record: bytes | None = None
    ) -> None:
        super().__init__("; ".join(f"{fault.path} {fault.message}" for fault in faults))
        self.faults = faults
        self.payload = payload
        """The document as JSON values; ``{"raw": …}`` with base64 where it is no BSON."""
        self.record = record
        """Members of the record that would have gone out unchecked; None where there is none."""


class DocumentEncoder:
    """Makes records of one collection's documents."""

    def __init__(
        self,
        settings: Settings,
        collection: str,
        sample: Iterable[bytes] = (),
        known: Mapping[str, str] | None = None,
    ) -> None:
        """Get ready for a collection.

        Args:
            settings: the tap's.
            collection: name of the collection.
            sample: BSON documents to find a schema in, for ``infer``.
            known: what :attr:`known` was at the end of the run before.

        Raises:
            ConfigError: the settings give no schema, or one that cannot be read.
        """
        self.counts: Counter[str] = Counter()
        """`nonfinite_numbers`, `out_of_range_dates`, `invalid_text`, `unknown_fields` and
        `widened_fields` so far."""
        self._collection = collection
        policy = policy_of(settings, self.counts)
        self._inferred: InferredShape | None = None
        if settings.schema_strategy != "raw" and settings.bson_mode != "plain":
            raise ConfigError(
                f"setting 'bson_mode': {settings.bson_mode} needs schema_strategy raw; "
                f"{settings.schema_strategy} gives columns plain values"
            )
        if settings.schema_strategy == "infer":
            self._inferred = InferredShape(
                PlainJson(policy), policy, self.counts, known or {}, sample
            )
            self._shape: Shape = self._inferred
        elif settings.schema_strategy == "declared":
            self._shape = declared_shape(settings, collection, PlainJson(policy), self.counts)
        else:
            self._shape = RawShape(writer_of(settings.bson_mode, policy))

    @property
    def schema(self) -> dict[str, Any]:
        """JSON Schema of a record, ``_id`` in it; grows with ``infer``."""
        return self._shape.schema

    @property
    def generation(self) -> int:
        """How often the schema has grown."""
        return self._inferred.generation if self._inferred else 0

    @property
    def known(self) -> dict[str, str] | None:
        """The kind of each field found with ``infer``; to be kept for the next run."""
        return self._inferred.known if self._inferred else None

    def encode(self, raw: bytes) -> bytes:
        """Return the members of a document's record, without braces.

        Raises:
            RejectedError: it cannot become a record.
            ContractExceededError: it holds what a setting says must end the run.
        """
        if raw[_FIRST] == _OBJECT_ID_FIRST:
            key = b'"_id":"%b",' % raw[9:21].hex().encode()
        else:
            key = self.encode_key(raw) + b","
        try:
            return key + self._shape.members(raw)
        except FaultyError as error:
            record = None if error.unchecked is None else key + error.unchecked
            raise RejectedError(error.faults, payload_of(raw), record) from None
        except BadValueError as error:
            raise self._refusal(raw, error) from None

    def encode_key(self, raw: bytes) -> bytes:
        """Return the key alone as a record's member, of a document that has at least ``_id``.

        Raises:
            RejectedError: the ``_id`` has no text.
        """
        try:
            return b'"_id":' + encode_json(key_text_of(raw))
        except BadValueError as error:
            raise self._refusal(raw, error) from None

    def encode_nulls(self) -> bytes:
        """Return every member behind the key as null."""
        names = [name for name in self.schema["properties"] if name != "_id"]
        return encode_json(dict.fromkeys(names))[1:-1]

    def _refusal(self, raw: bytes, error: BadValueError) -> Exception:
        path = json_path(tuple(reversed(error.path)))
        if isinstance(error, ForbiddenValueError):
            return ContractExceededError(
                f"collection {self._collection!r}, _id {key_text_of(raw)}: {path} {error.message}; "
                "repair the document, or choose null or string"
            )
        return RejectedError([Fault(path, error.code, error.message)], payload_of(raw))


def policy_of(settings: Settings, counts: Counter[str], zone: str = "Z") -> Policy:
    """Return what the settings say about odd values."""
    return Policy(
        nonfinite_numbers=settings.nonfinite_numbers,
        out_of_range_dates=settings.out_of_range_dates,
        datetime_conversion=settings.datetime_conversion,
        zone=zone,
        counts=counts,
    )


def writer_of(bson_mode: str, policy: Policy) -> Callable[[bytes], bytes]:
    """Return what writes a document's bytes as JSON in a mode."""
    if bson_mode == "canonical_extjson":
        return CanonicalWriter().write
    if bson_mode == "relaxed_extjson":
        return RelaxedWriter(policy.counts).write
    return PlainJson(policy).write


def payload_of(raw: bytes) -> dict[str, Any]:
    """Return a document for quarantine: as JSON values as far as it can be read."""
    try:
        payload: dict[str, Any] = msgspec.json.decode(_lenient(raw))
    except BadValueError:
        payload = {"raw": base64.b64encode(raw[:MAX_PAYLOAD_BYTES]).decode()}
    return payload


_lenient = PlainWriter(Policy(nonfinite_numbers="string", out_of_range_dates="string")).write
