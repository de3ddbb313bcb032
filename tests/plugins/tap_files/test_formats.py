"""Formats: what is a document, on which line it begins, and what cannot be read."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tap_files.formats import (
    BadFileError,
    Document,
    Unreadable,
    format_of,
    read_json,
    read_jsonl,
    read_yaml,
)


def documents(found: Any) -> list[tuple[int, Any]]:
    return [(document.lineno, document.value) for document in found]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("NO", "NO"),
        ("yes", "yes"),
        ("off", "off"),
        ("true", True),
        ("False", False),
        ("~", None),
        ("", None),
        ("'true'", "true"),
        ("!!str 12", "12"),
        ("12", 12),
        ("+12", 12),
        ("-7", -7),
        ("0777", 777),
        ("0o17", 15),
        ("0x1F", 31),
        ("1_000", "1_000"),
        ("12:30:45", "12:30:45"),
        ("2024-01-31", "2024-01-31"),
        ("2024-01-31T10:00:00Z", "2024-01-31T10:00:00Z"),
        ("1.5", 1.5),
        ("1.10", Decimal("1.10")),
        (".5", Decimal(".5")),
        ("1e400", Decimal("1e400")),
        ("12345678901234567890123", 12345678901234567890123),
        (".inf", ".inf"),
        (".NaN", ".NaN"),
        ("-", "-"),
        ("+", "+"),
        ("1.2.3", "1.2.3"),
    ],
)
def test_yaml_scalars_are_those_of_the_core_schema(text: str, value: Any) -> None:
    if text == "-":
        text = "'-'"
    ((_, found),) = documents(read_yaml([f"a: {text}".encode()]))
    assert (found["a"], type(found["a"])) == (value, type(value))


def test_yaml_keys_are_text_as_written() -> None:
    (document,) = read_yaml([b"1: a\ntrue: b\n2024-01-01: c\nNO: d"])
    assert document.value == {"1": "a", "true": "b", "2024-01-01": "c", "NO": "d"}  # type: ignore[union-attr]


def test_yaml_documents_say_their_first_line_and_empty_ones_say_nothing() -> None:
    data = b"\xef\xbb\xbf# first\r\na: 1\r\n---\r\n---\r\n# empty\r\n--- {b: 2}\r\n...\r\n"
    assert documents(read_yaml([data[:9], data[9:]])) == [(2, {"a": 1}), (6, {"b": 2})]
    for empty in (b"", b"# only a comment\n", b"---\n---\n", b"\n\n"):
        assert documents(read_yaml([empty])) == []


def test_yaml_aliases_stand_for_their_anchors() -> None:
    (document,) = read_yaml([b"a: &x {n: [1, 2]}\nb: *x\nc: [*x, *x]"])
    assert document == Document(1, _aliased())


def _aliased() -> dict[str, Any]:
    anchor = {"n": [1, 2]}
    return {"a": anchor, "b": anchor, "c": [anchor, anchor]}


BOMB = b"a: &a [x,x,x,x,x,x,x,x,x]\n" + b"".join(
    b"%c: &%c [%s]\n" % (98 + level, 98 + level, b",".join([b"*%c" % (97 + level)] * 9))
    for level in range(9)
)
LONG_BOMB = b"a: &a " + b"x" * 100_000 + b"\nb: [" + b"*a, " * 2_000 + b"*a]"


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        (b"a: 1\nb: 2\na: 3", "yaml_duplicate_key", "line 3, column 1: key 'a' is given twice"),
        (b"a: {b: 1, b: 2}", "yaml_duplicate_key", "key 'b' is given twice"),
        (b"a: &x [*x]", "yaml_recursive", "holds itself"),
        (b"a: &x {b: *x}", "yaml_recursive", "holds itself"),
        (BOMB, "yaml_alias_bomb", "far larger than its text"),
        (LONG_BOMB, "yaml_alias_bomb", "far larger than its text"),
        (b"a: !!python/object:os.system x", "yaml_tag", "tag !!python/object:os.system"),
        (b"a: !mine {b: 1}", "yaml_tag", "tag !mine"),
        (b"? [a]\n: b", "yaml_key", "a key must be text"),
    ],
)
@pytest.mark.timeout(10)
def test_yaml_faults_of_a_document_leave_the_others(text: bytes, code: str, said: str) -> None:
    first, bad, last = read_yaml([b"ok: 1\n---\n" + text + b"\n---\nok: 2\n"])
    assert isinstance(bad, Unreadable)
    assert (bad.lineno, bad.code) == (3, code)
    assert said.replace("line 3", "line 5") in bad.message
    assert [first.value, last.value] == [{"ok": 1}, {"ok": 2}]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        (b"a: 1\nb:\n\t- c", 3, "this line has a tab"),
        (b"a: 1\nb: 'never closed\n", 2, "end of stream"),
        (b"a: [1, 2", 1, "flow"),
        (b"a: 1\nb: *nobody", 2, "undefined alias"),
        (b"a: 1\nb: \xc3\x28", 2, "UTF-8"),
        (b"a: 1\nb: x\x00y", 2, "control characters"),
        (b"a: b: c", 1, "mapping values"),
        (b"[" * 100_000, 1, "nested deeper"),
        (b"- " * 5_000 + b"a", 1, "nested deeper"),
        (b"? " * 5_000 + b"a", 1, "nested deeper"),
        (b"".join(b" " * n + b"a:\n" for n in range(500)), 201, "nested deeper"),
    ],
)
@pytest.mark.timeout(10)
def test_yaml_faults_of_syntax_are_one_line_with_its_number(
    text: bytes, line: int, said: str
) -> None:
    with pytest.raises(BadFileError) as raised:
        list(read_yaml([text]))
    assert raised.value.lineno == line
    assert f"line {line}: " in str(raised.value)
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


def test_yaml_that_is_deep_but_not_too_deep_is_read() -> None:
    (document,) = read_yaml([b"[" * 190 + b"]" * 190])
    assert isinstance(document, Document)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1_000])
def test_jsonl_is_the_same_however_it_is_cut(size: int) -> None:
    data = b'\xef\xbb\xbf{"a": 1}\r\n\r\n  \n{"a": "\xc3\xa4"}\n[2]\n{"a": 3}'
    chunks = [data[at : at + size] for at in range(0, len(data), size)]
    assert documents(read_jsonl(chunks)) == [
        (1, {"a": 1}),
        (4, {"a": "ä"}),
        (5, [2]),
        (6, {"a": 3}),
    ]


@pytest.mark.parametrize("data", [b"", b"\n", b"\xef\xbb\xbf", b"\xef\xbb\xbf\r\n\r\n", b"  \n "])
def test_nothing_is_no_document(data: bytes) -> None:
    assert documents(read_jsonl([data])) == []
    assert documents(read_json([data])) == []


@pytest.mark.parametrize(
    "line",
    [b"{", b"nope", b'{"a": NaN}', b'"\xff"', b"[" * 100_000, b'{"a": "\x01"}', b'"\\ud800"'],
)
def test_a_bad_line_leaves_the_others(line: bytes) -> None:
    first, bad, last = read_jsonl([b'{"a": 1}\n' + line + b'\n{"a": 2}'])
    assert isinstance(bad, Unreadable)
    assert (bad.lineno, bad.code) == (2, "json_invalid")
    assert bad.message.startswith("line 2: ")
    assert [first.value, last.value] == [{"a": 1}, {"a": 2}]  # type: ignore[union-attr]


def test_a_file_that_is_no_lines_is_refused_before_it_fills_the_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tap_files.formats.json_text.MAX_LINE_BYTES", 1_000)
    with pytest.raises(BadFileError, match="line 2: longer than 1000 bytes"):
        list(read_jsonl([b"1\n", *[b"x" * 100] * 20]))


def test_json_elements_have_lines_of_their_own() -> None:
    data = b'\n[{"a": 1}, {"a": 1},\n\n {"a":\n 2}, 3,\n{"a": 1}]'
    assert documents(read_json([data])) == [
        (2, {"a": 1}),
        (3, {"a": 1}),
        (4, {"a": 2}),
        (5, 3),
        (6, {"a": 1}),
    ]
    assert documents(read_json([b'\n\n {"a": 1}'])) == [(3, {"a": 1})]
    assert documents(read_json([b"[]"])) == []


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (b'[{"a": 1},\n{"a": }]', 2),
        (b'{"a": 1}\n{"b": 2}', 2),
        (b'{"a": "\xff"}', 1),
        (b"[\n\n", 3),
        (b"[" * 100_000, 1),
    ],
)
def test_bad_json_is_one_line_with_its_number(data: bytes, line: int) -> None:
    with pytest.raises(BadFileError) as raised:
        list(read_json([data]))
    assert (raised.value.lineno, raised.value.code) == (line, "json_invalid")
    assert str(raised.value).startswith(f"line {line}: ")


def test_json_numbers_keep_their_digits() -> None:
    ((_, value),) = documents(read_json([b'{"a": 1.10, "b": 0.5, "c": 12345678901234567890123}']))
    assert value == {"a": Decimal("1.10"), "b": 0.5, "c": 12345678901234567890123}
    assert str(value["a"]) == "1.10"


def test_the_format_is_that_of_the_setting_or_the_ending() -> None:
    assert format_of("a/b.YML", "auto") is read_yaml
    assert format_of("a/b.ndjson", "auto") is read_jsonl
    assert format_of("a/b.json", "auto") is read_json
    assert format_of("a/b", "jsonl") is read_jsonl
    assert format_of("a.yaml/b", "auto") is None
    assert format_of("README", "auto") is None
