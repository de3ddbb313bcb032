"""A set of file versions in little space: two of them, subtracted, give back what differs by name.

This is an invertible Bloom lookup table (Eppstein, Goodrich, Uyeda, Varghese: *What's the
Difference? Efficient Set Reconciliation without Prior Context*, 2011). Each version is added to
three cells; a cell keeps how many it has and the XOR of them. What is in both sets cancels out, and
as long as the rest is few, some cell holds exactly one version, which is read, taken out of its
other cells, and so on. A million files cost no more cells than a thousand.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable

SHORT_CHARACTERS = 8
"""Length of the text by which an etag is known."""
_CHECK_BYTES = 8
_LEAD = b"\x01"  # keeps zero bytes at the beginning

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[tuple[int, bytes]]).decode


class Item(NamedTuple):
    """A version of a file as cells hold it."""

    value: int
    """Etag, key and a check of both, as one number."""
    hashes: tuple[int, int, int]


class Difference(NamedTuple):
    """Versions by key; the values are etags in short."""

    only_left: dict[str, str]
    only_right: dict[str, str]


def item(key: str, etag: str) -> Item:
    """Return the version of ``key`` whose etag is ``etag`` in short."""
    content = _LEAD + etag.encode() + key.encode()
    digest = blake2b(content, digest_size=_CHECK_BYTES + 12).digest()
    of = int.from_bytes
    return Item(
        of(content + digest[:_CHECK_BYTES]),
        (of(digest[8:12]), of(digest[12:16]), of(digest[16:20])),
    )


class Sketch:
    """Cells in three equal parts; about three quarters as many differences can be told apart."""

    def __init__(self, size: int) -> None:
        """Begin with the empty set; ``size`` is the number of cells, divisible by three."""
        self.size = size
        self._third = size // 3
        self._counts = [0] * size
        self._values = [0] * size

    @classmethod
    def of(cls, size: int, versions: Iterable[tuple[str, str]]) -> Sketch:
        """Return the set of these (key, etag in short)."""
        sketch = cls(size)
        for key, etag in versions:
            sketch.add(item(key, etag))
        return sketch

    @classmethod
    def read(cls, found: Any) -> Sketch | None:
        """Return what :meth:`text` wrote, or None where it is nothing of the kind."""
        try:
            cells = _decode(b64decode(found))
        except (TypeError, ValueError, msgspec.DecodeError):
            return None
        if not cells or len(cells) % 3:
            return None
        sketch = cls(len(cells))
        sketch._counts = [count for count, _ in cells]
        sketch._values = [int.from_bytes(value) for _, value in cells]
        return sketch

    def text(self) -> str:
        """Return the cells as text."""
        return b64encode(
            _encode(
                [
                    (count, value.to_bytes((value.bit_length() + 7) // 8))
                    for count, value in zip(self._counts, self._values, strict=True)
                ]
            )
        ).decode()

    def add(self, version: Item, times: int = 1) -> None:
        """Put a version in, or with -1 take it out; it need not have been in."""
        value, (first, second, third) = version
        part, counts, values = self._third, self._counts, self._values
        cell = first % part
        counts[cell] += times
        values[cell] ^= value
        cell = part + second % part
        counts[cell] += times
        values[cell] ^= value
        cell = part + part + third % part
        counts[cell] += times
        values[cell] ^= value

    def plus(self, other: Sketch, times: int = 1) -> Sketch:
        """Return both together, or with -1 this without the other; sizes must be equal."""
        result = Sketch(self.size)
        result._counts = [a + times * b for a, b in zip(self._counts, other._counts, strict=True)]
        result._values = [a ^ b for a, b in zip(self._values, other._values, strict=True)]
        return result

    def difference(self, other: Sketch) -> Difference | None:
        """Return what is in one of the two alone, or None where that is too much to be read."""
        return self.plus(other, -1).peel()

    def peel(self) -> Difference | None:
        """Take out, with its sign, what can be read; return None where something stays."""
        found = Difference({}, {})
        cells = list(range(self.size))
        while cells:
            cell = cells.pop()
            count = self._counts[cell]
            if count not in (1, -1) or (version := _only(self._values[cell])) is None:
                continue
            key, etag = _parts(version)
            (found.only_left if count == 1 else found.only_right)[key] = etag
            self.add(version, -count)
            part = self._third
            cells += (part * i + h % part for i, h in enumerate(version.hashes))
        return None if any(self._counts) or any(self._values) else found


def _only(value: int) -> Item | None:
    """Return the version of a cell that holds one, or None where it holds several."""
    data = value.to_bytes((value.bit_length() + 7) // 8)
    content = data[:-_CHECK_BYTES]
    try:
        text = content[len(_LEAD) :].decode()
    except UnicodeDecodeError:
        return None
    found = item(text[SHORT_CHARACTERS:], text[:SHORT_CHARACTERS])
    return found if found.value == value else None


def _parts(version: Item) -> tuple[str, str]:
    data = version.value.to_bytes((version.value.bit_length() + 7) // 8)
    text = data[len(_LEAD) : -_CHECK_BYTES].decode()
    return text[SHORT_CHARACTERS:], text[:SHORT_CHARACTERS]
