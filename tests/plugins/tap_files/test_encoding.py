"""Encodings: found by the byte order mark, or said, or named as wrong with the byte."""

from __future__ import annotations

import codecs

import pytest

from tap_files.formats import (
    BadFileError,
    Dialect,
    Document,
    Unreadable,
    read_csv,
    read_jsonl,
    read_yaml,
)
from tap_files.formats.encoding import utf8

TEXT = "a: ä\n🔥: 'ऊ'\n"


@pytest.mark.parametrize("size", [1, 2, 3, 100])
@pytest.mark.parametrize(
    ("data", "said"),
    [
        (TEXT.encode(), "utf-8"),
        (codecs.BOM_UTF8 + TEXT.encode(), "utf-8"),
        (codecs.BOM_UTF8 + TEXT.encode(), "latin-1"),
        (codecs.BOM_UTF16_LE + TEXT.encode("utf-16-le"), "utf-8"),
        (codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"), "utf-8"),
        (codecs.BOM_UTF32_LE + TEXT.encode("utf-32-le"), "utf-8"),
        (codecs.BOM_UTF32_BE + TEXT.encode("utf-32-be"), "utf-8"),
        (TEXT.encode("utf-16-le"), "utf-16-le"),
    ],
)
def test_a_mark_wins_over_the_setting(data: bytes, said: str, size: int) -> None:
    chunks = [data[at : at + size] for at in range(0, len(data), size)]
    assert b"".join(utf8(chunks, said)).decode() == TEXT


@pytest.mark.parametrize("data", [b"", codecs.BOM_UTF8, codecs.BOM_UTF16_LE])
def test_nothing_is_nothing(data: bytes) -> None:
    assert b"".join(utf8([data], "utf-8")) == b""
    assert b"".join(utf8([], "utf-16")) == b""


@pytest.mark.parametrize(
    ("encoding", "text"),
    [("latin-1", "ä§"), ("cp1252", "ä€"), ("shift_jis", "カ"), ("utf-16", "カ🔥")],
)
def test_every_text_format_is_read_in_what_was_said(encoding: str, text: str) -> None:
    dialect = Dialect(encoding=encoding)
    for read, written in (
        (read_yaml, f"a: {text}\n"),
        (read_jsonl, f'{{"a": "{text}"}}\n'),
        (read_csv, f"a,b\n{text},\n"),
    ):
        (document,) = read([written.encode(encoding)], dialect)
        assert document.value["a"] == text  # type: ignore[union-attr]


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_a_wrong_byte_is_named_behind_what_was_good(size: int) -> None:
    data = codecs.BOM_UTF16_LE + "1\n2\n".encode("utf-16-le") + b"\x00\xdc3\x00"
    chunks = [data[at : at + size] for at in range(0, len(data), size)]
    found: list[Document | Unreadable] = []
    with pytest.raises(BadFileError) as raised:
        found.extend(read_jsonl(chunks))
    assert [document.lineno for document in found] == [1, 2]
    assert raised.value.lineno == 3
    assert raised.value.code == "encoding_invalid"
    assert str(raised.value).startswith("line 3: byte 10 of the file, 0x00, is no utf-16-le")


def test_utf8_that_is_none_costs_its_line_alone() -> None:
    data = b'{"a": 1}\n{"a": "' + "ä".encode("latin-1") + b'"}\n{"a": 3}'
    _, bad, _ = read_jsonl([data])
    assert isinstance(bad, Unreadable)
    assert bad.message.startswith("line 2, byte 8: byte 0xe4 is no UTF-8")
    assert "'encoding'" in bad.message
