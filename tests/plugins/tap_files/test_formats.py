"""Formats: what is a document, on which line it begins, and what cannot be read."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from tap_files.formats import (
    BadFileError,
    Dialect,
    Document,
    Unreadable,
    format_of,
    read_json,
    read_jsonl,
    read_text,
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
        (b"a: 1\nb: x\x00y", 2, "a NUL byte is no text"),
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
    assert str(raised.value).startswith((f"line {line}: ", f"line {line}, byte "))
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
    ("line", "code", "where"),
    [
        (b"{", "json_invalid", "line 2, byte 2"),
        (b"nope", "json_invalid", "line 2, byte 5"),
        (b'{"a": NaN}', "json_invalid", "line 2, byte 7"),
        (b'{"a": "\xff"}', "encoding_invalid", "line 2, byte 8"),
        (b'{"a": "\x01"}', "json_invalid", "line 2, byte 8"),
        (b'{"a": "\x00"}', "text_nul", "line 2, byte 8"),
        (b'"\\ud800"', "json_invalid", "line 2, byte 9"),
        (b"[" * 100_000, "too_deep", "line 2"),
        (b"[" * 10_000 + b"]" * 10_000, "too_deep", "line 2"),
        (b"[" * 250 + b"]" * 250, "too_deep", "line 2"),
        (b'{"a":' * 900 + b"1" + b"}" * 900, "too_deep", "line 2"),
        (b"1" * 5_000, "json_value", "line 2"),
        (b'{"a": 1, "b": 2, "a": 3}', "json_duplicate_key", "line 2"),
        (b'{"a" : 1, "a":2}', "json_duplicate_key", "line 2"),
        (b'{"a": [{"b": ":", "c\\u0062": 1, "cb": 2}]}', "json_duplicate_key", "line 2"),
        (b'{"a": "\\":", "b": 1, "b"\t:1}', "json_duplicate_key", "line 2"),
    ],
)
def test_a_bad_line_leaves_the_others(line: bytes, code: str, where: str) -> None:
    first, bad, last = read_jsonl([b'{"a": 1}\n' + line + b'\n{"a": 2}'])
    assert isinstance(bad, Unreadable)
    assert (bad.lineno, bad.code) == (2, code)
    assert bad.message.startswith(f"{where}: ")
    assert [first.value, last.value] == [{"a": 1}, {"a": 2}]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "line",
    [
        b'{"a": 1, "b": {"a": 2}, "c": [{"a": 3}, {"a": 4}]}',
        b'{"a" : 1, "b" :2}',
        b'{"a": "x\\":", "b": "y :"}',
        b"[" * 190 + b"]" * 190,
    ],
)
def test_a_key_that_is_there_once_in_its_object_is_no_fault(line: bytes) -> None:
    (document,) = read_jsonl([line])
    assert isinstance(document, Document)
    assert document.text == line


def test_a_file_that_is_no_lines_is_refused_before_it_fills_the_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tap_files.formats.lines.MAX_DOCUMENT_BYTES", 1_000)
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
    ("data", "line", "code"),
    [
        (b'[{"a": 1},\n{"a": }]', 2, "json_invalid"),
        (b'{"a": 1}\n{"b": 2}', 2, "json_invalid"),
        (b"[1, 2,]", 1, "json_invalid"),
        (b"[,]", 1, "json_invalid"),
        (b"[1}", 1, "json_invalid"),
        (b"[1] 2", 1, "json_invalid"),
        (b'{"a": "\xff"}', 1, "encoding_invalid"),
        (b'{"a": 1,\n"a": 2}', 1, "json_duplicate_key"),
        (b'["never closed', 1, "json_invalid"),
        (b"[\n\n", 3, "json_invalid"),
        (b"[" * 100_000, 1, "too_deep"),
    ],
)
@pytest.mark.parametrize("is_large", [False, True])
def test_bad_json_is_one_line_with_its_number(
    data: bytes, line: int, code: str, is_large: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if is_large:
        monkeypatch.setattr("tap_files.formats.json_text.MAX_DOCUMENT_BYTES", 0)
    if is_large and data.startswith(b"{"):
        line, code = 1, "too_large"
    if is_large and data.startswith(b"[["):
        code = "json_invalid"  # one element that does not end
    with pytest.raises(BadFileError) as raised:
        list(read_json([data]))
    assert (raised.value.lineno, raised.value.code) == (line, code)
    assert str(raised.value).startswith((f"line {line}: ", f"line {line}, byte "))


@pytest.mark.parametrize("size", [1, 2, 5, 1_000])
def test_a_large_array_is_read_element_by_element(
    size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    values: list[Any] = [{"a": 'x"]},\\'}, [], {}, "[", -1.5, None, [{"b": [1, {"c": "ä"}]}], "\\"]
    data = ("\n" + json.dumps(values, ensure_ascii=False, indent=1) + "\n").encode()
    whole = documents(read_json([data]))
    assert [value for _, value in whole] == values
    monkeypatch.setattr("tap_files.formats.json_text.MAX_DOCUMENT_BYTES", 0)
    chunks = [data[at : at + size] for at in range(0, len(data), size)]
    assert documents(read_json(chunks)) == whole


def test_a_large_array_is_good_up_to_its_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tap_files.formats.json_text.MAX_DOCUMENT_BYTES", 0)
    found = read_json([b'[{"a": 1},\n{"a": 2},\n{"a": 3]'])
    assert [next(found).lineno, next(found).lineno] == [1, 2]
    with pytest.raises(BadFileError, match="line 3"):
        next(found)


def test_an_element_that_is_no_document_leaves_the_others() -> None:
    first, bad, last = read_json([b'[{"a": 1},\n{"a": 1, "a": 2},\n{"a": 3}]'])
    assert isinstance(bad, Unreadable)
    assert (bad.lineno, bad.code) == (2, "json_duplicate_key")
    assert [first.value, last.value] == [{"a": 1}, {"a": 3}]  # type: ignore[union-attr]


def test_an_element_too_large_to_be_held_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("json_text", "json_array"):
        monkeypatch.setattr(f"tap_files.formats.{module}.MAX_DOCUMENT_BYTES", 1_000)
    with pytest.raises(BadFileError, match="line 2: what begins here is longer"):
        list(read_json([b"[1,\n", b'"', *[b"x" * 100] * 20, b'"]']))


@pytest.mark.parametrize("limit", [0, 1_000])
@pytest.mark.parametrize(
    ("path", "found"),
    [
        (("data", "items"), [(4, {"a": 1}), (5, {"a": 2})]),
        (("items",), [(1, {"no": 1})]),
    ],
)
def test_a_path_leads_to_the_array(
    path: tuple[str, ...], found: Any, limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tap_files.formats.json_text.MAX_DOCUMENT_BYTES", limit)
    data = (
        b'{"items": [{"no": 1}], "x": {"data": {"items": [3]}},\n"y": "data",\n'
        b'"data": {"n": [[]],\n "items" : [{"a": 1},\n{"a": 2}], "z": 1}}'
    )
    chunks = [data[at : at + 3] for at in range(0, len(data), 3)]
    assert documents(read_json(chunks, Dialect(json_path=path))) == found


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b'{"a": 1}', r"there is no \$\.data"),
        (b"[1]", r"\$ is not an object"),
        (b'{"data": {"items": 1}}', r"\$\.data is not an array"),
        (b'{"data": 5}', r"\$\.data is not an array"),
    ],
)
def test_a_path_that_leads_nowhere_is_named(data: bytes, said: str) -> None:
    with pytest.raises(BadFileError, match=said):
        list(read_json([data], Dialect(json_path=("data",))))


def test_json_numbers_keep_their_digits() -> None:
    ((_, value),) = documents(read_json([b'{"a": 1.10, "b": 0.5, "c": 12345678901234567890123}']))
    assert value == {"a": Decimal("1.10"), "b": 0.5, "c": 12345678901234567890123}
    assert str(value["a"]) == "1.10"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"a: 1\n" * 10, "line 1: longer than 40 bytes"),
        (b"- [1,2]\n- 3\n- 4\n- 5", "line 3: more than 5 values"),
    ],
)
def test_yaml_too_large_to_be_read_whole_is_refused_with_the_cure(
    text: bytes, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("MAX_BYTES", 40), ("MAX_NODES", 5), ("_FEW_BYTES", 0)):
        monkeypatch.setattr(f"tap_files.formats.yaml_text.{name}", value)
    with pytest.raises(BadFileError) as raised:
        list(read_yaml([text]))
    assert raised.value.code == "too_large"
    assert str(raised.value).startswith(said)
    assert "split the file, or write JSON lines" in str(raised.value)


def test_text_is_a_document_a_line() -> None:
    assert documents(read_text([b"one\r\n\n  two \n", b"\xc3\xa4"])) == [
        (1, {"text": "one"}),
        (3, {"text": "  two "}),
        (4, {"text": "ä"}),
    ]
    _, bad, _ = read_text([b"a\n\xff\nb"])
    assert isinstance(bad, Unreadable)
    assert bad.message.startswith("line 2, byte 1: byte 0xff is no UTF-8")


@pytest.mark.parametrize(
    ("key", "setting", "data", "value"),
    [
        ("a/b.YML", "auto", b"a: 1", {"a": 1}),
        ("a/b.ndjson", "auto", b'{"a": 1}', {"a": 1}),
        ("a/b.json", "auto", b'{"a":\n1}', {"a": 1}),
        ("a/b", "jsonl", b'{"a": 1}', {"a": 1}),
        ("a/b.CSV", "auto", b"a,b\n1,2", {"a": "1", "b": "2"}),
        ("a/b.tsv", "auto", b"a\tb\n1,\t2", {"a": "1,", "b": "2"}),
        ("a/b.csv", "text", b"a,b", {"text": "a,b"}),
    ],
)
def test_the_format_is_that_of_the_setting_or_the_ending(
    key: str, setting: str, data: bytes, value: Any
) -> None:
    read = format_of(key, setting)
    assert read
    ((_, found),) = documents(read([data]))
    assert found == value


@pytest.mark.parametrize("key", ["a.yaml/b", "README", "a.txt", "yaml"])
def test_auto_leaves_other_files_alone(key: str) -> None:
    assert format_of(key, "auto") is None
