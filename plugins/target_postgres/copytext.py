r"""JSON text as PostgreSQL's COPY text, for whole blocks of rows at once.

A JSON string's escapes are almost COPY's own: ``\\``, ``\/``, ``\b``, ``\f``, ``\n``, ``\r`` and
``\t`` mean the same in both, and a raw tab or line break is allowed in neither. So a row is the
JSON tokens of its fields, joined by tabs, and a block of rows becomes COPY text when its
structural quotes are deleted and the two escapes that differ, ``\"`` and ``\uXXXX``, are
rewritten. Nothing is decoded to Python strings on the way. The NULL marker is JSON's ``null``.
"""

from __future__ import annotations

import re
from enum import StrEnum

import msgspec

TAB = b"\t"
NEWLINE = b"\n"
NULL = b"null"
OPTIONS = "(FORMAT text, NULL 'null')"
"""How COPY must be told to read what this module writes."""

ABSENT = b"\x00"
"""Stands for a property that the record does not have. No JSON text contains it."""

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

# Stands for the quotes of JSON text while those of strings are deleted. No JSON text contains it.
_KEPT_QUOTE = b"\x1e"
_RESTORE_QUOTES = bytes.maketrans(_KEPT_QUOTE, b'"')

_DIFFERENT = re.compile(rb'\\(?:[\\"]|u[0-9a-fA-F]{4}(?:\\u[0-9a-fA-F]{4})*)')
_UNSAFE = re.compile(rb'[\x00-\x1f"\\]')
_NUL_ESCAPE = re.compile(rb"\\(?:\\|u0000)")
_COPY_ESCAPE = re.compile(rb"\\(x[0-9a-f]{2}|.)", re.DOTALL)
_COPY_LETTERS = {b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t"}


class NullCharacter(StrEnum):
    """What becomes of U+0000, which PostgreSQL cannot store."""

    REPLACE = "replace"
    STRIP = "strip"
    FAIL = "fail"


def json_field(tokens: bytes, null_character: NullCharacter) -> bytes:
    """Return JSON values, joined by tabs, so that :func:`block` keeps them as JSON text."""
    if b"\\" in tokens:
        if rb"\u0000" in tokens:
            instead = b"" if null_character is NullCharacter.STRIP else rb"\ufffd"
            tokens = _NUL_ESCAPE.sub(
                lambda found: found[0] if found[0] == rb"\\" else instead, tokens
            )
        tokens = tokens.replace(b"\\", rb"\\")
    return tokens.replace(b'"', _KEPT_QUOTE)


def block(rows: bytes, null_character: NullCharacter) -> bytes:
    """Return rows of JSON scalars, and of what :func:`json_field` gave, as COPY text."""
    if b"\\" in rows:
        instead = b"" if null_character is NullCharacter.STRIP else REPLACEMENT.encode()

        def rewrite(found: re.Match[bytes]) -> bytes:
            escape = found[0]
            if escape[1:2] == b'"':
                return rb"\x22"
            if escape[1:2] == b"\\":
                return escape
            text: str = msgspec.json.decode(b'"' + escape + b'"')
            cleaned = text.encode().replace(b"\x00", instead)
            return _UNSAFE.sub(lambda byte: b"\\x%02x" % byte[0][0], cleaned)

        rows = _DIFFERENT.sub(rewrite, rows)
    if b'"null"' in rows:
        # Every quote left is structural: this is the string, which is not the NULL marker.
        rows = rows.replace(b'"null"', rb'"\x6eull"')
    return rows.translate(_RESTORE_QUOTES, b'"')


def has_null_character(line: bytes) -> bool:
    """Tell whether a JSON text holds U+0000, escaped or raw."""
    return b"\x00" in line or any(found != rb"\\" for found in _NUL_ESCAPE.findall(line))


def decode_field(field: bytes) -> str | None:
    """Return what PostgreSQL reads from one field of COPY text."""
    if field == NULL:
        return None

    def letter(found: re.Match[bytes]) -> bytes:
        code = found[1]
        if len(code) > 1:
            return bytes([int(code[1:], 16)])
        return _COPY_LETTERS.get(code, code)

    return _COPY_ESCAPE.sub(letter, field).decode("utf-8", "replace")
