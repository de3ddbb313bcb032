"""CSV: which line a row begins on, what a row is, and what a bad one costs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tap_files.formats import BadFileError, Dialect, Document, Unreadable, read_csv

if TYPE_CHECKING:
    from collections.abc import Iterable


def rows(data: bytes, **dialect: Any) -> list[tuple[int, list[str]]]:
    return [(lineno, list(values.values())) for lineno, values in documents(data, **dialect)]


def documents(data: bytes, **dialect: Any) -> list[tuple[int, dict[str, str]]]:
    found = []
    for document in read_csv([data], Dialect(**dialect)):
        assert isinstance(document, Document), document
        assert document.is_untyped
        found.append((document.lineno, document.value))
    return found


def mixed(data: bytes, **dialect: Any) -> tuple[list[list[str]], list[tuple[int, str, str]]]:
    """Return the good rows, and line, code and message of the bad."""
    good, bad = [], []
    for found in read_csv([data], Dialect(**dialect)):
        if isinstance(found, Unreadable):
            bad.append((found.lineno, found.code, found.message))
        else:
            good.append(list(found.value.values()))
    return good, bad


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("last", [True, False])
def test_a_row_is_named_by_the_line_on_which_it_begins(end: bytes, last: bool) -> None:
    lines = [
        b"\xef\xbb\xbf a ,b",
        b"1,2",
        b'"x',
        b'y","""q"""',
        b"",
        b"  ",
        b'3,"',
        b'"',
        b"5,\xc3\xa4",
    ]
    data = end.join(lines) + (end if last else b"")
    break_ = end.decode()
    assert documents(data) == [
        (2, {"a": "1", "b": "2"}),
        (3, {"a": f"x{break_}y", "b": '"q"'}),
        (7, {"a": "3", "b": break_}),
        (9, {"a": "5", "b": "ä"}),
    ]


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_rows_are_the_same_however_the_file_is_cut(size: int) -> None:
    data = '\ufeffa,b\r\n1,"ä\r\nö"\r\n\r\n2,🔥'.encode()
    chunks = [data[at : at + size] for at in range(0, len(data), size)]
    assert list(read_csv(chunks)) == list(read_csv([data]))
    assert rows(data) == [(2, ["1", "ä\r\nö"]), (5, ["2", "🔥"])]


@pytest.mark.parametrize(
    ("data", "dialect", "expected"),
    [
        (b"a;b\n1,5;2", {"delimiter": ";"}, [(2, ["1,5", "2"])]),
        (b"a\tb\n1\t2", {"delimiter": "\t"}, [(2, ["1", "2"])]),
        (b"a,b\n'1,2',3", {"quotechar": "'"}, [(2, ["1,2", "3"])]),
        (b'a,b\n"1,2"', {"quotechar": None}, [(2, ['"1', '2"'])]),
        (b"1,2\n3,4", {"field_names": ("a", "b")}, [(1, ["1", "2"]), (2, ["3", "4"])]),
        (b"report\n\na,b\n1,2", {"skip_lines": 2}, [(4, ["1", "2"])]),
        (b"x,x\n1,2", {"skip_lines": 1, "field_names": ("a", "b")}, [(2, ["1", "2"])]),
        ("a,b\n1,ä".encode("latin-1"), {"encoding": "latin-1"}, [(2, ["1", "ä"])]),
        ("a,b\n1,ä".encode("utf-16"), {}, [(2, ["1", "ä"])]),
        (b"a\n1\n\n2", {}, [(2, ["1"]), (4, ["2"])]),
        (b"a,b\n", {}, []),
        (b"", {}, []),
        (b"\xef\xbb\xbf", {}, []),
        (b"\n\n", {}, []),
    ],
)
def test_the_settings_say_how_it_is_written(
    data: bytes, dialect: dict[str, Any], expected: list[Any]
) -> None:
    assert rows(data, **dialect) == expected


def test_a_ragged_row_costs_itself_and_says_which_field() -> None:
    good, bad = mixed(b"a,b,c\n1,2,3\n4,5\n6,7,8,9\n\n10,11,12")
    assert good == [["1", "2", "3"], ["10", "11", "12"]]
    assert bad == [
        (3, "csv_ragged", "line 3: 2 fields of 3; field 3, 'c', is missing"),
        (4, "csv_ragged", "line 4: 4 fields of 3; no column is named for field 4"),
    ]


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        (b'"never closed,1', "csv_invalid", "line 3: a quote is never closed"),
        (b'"a"b,1', "csv_invalid", "line 3: ',' expected after '\"'"),
        (b"a\rb,1", "csv_invalid", "line 3: a carriage return stands alone"),
        (b"\xff,1", "encoding_invalid", "line 3, byte 1: byte 0xff is no UTF-8"),
        (b"a,\x00", "text_nul", "line 3, byte 3: a NUL byte is no text"),
    ],
)
def test_a_row_that_cannot_be_read_costs_its_own_line(line: bytes, code: str, said: str) -> None:
    many = [b'%d,"x\ny"' % number for number in range(100)]
    data = b"\n".join([b"a,b", b"1,2", line, b"3,4", *many])
    if code == "csv_invalid" and b"closed" in line:
        data = b"\n".join([b"a,b", b"1,2", line, b"3,4", b"5,6"])  # nothing closes it by chance
    good, bad = mixed(data)
    assert [(lineno, found) for lineno, found, _ in bad] == [(3, code)]
    assert bad[0][2].startswith(said)
    assert good[:2] == [["1", "2"], ["3", "4"]]
    assert len(good) == (102 if len(data) > 500 else 3)


def test_a_bad_byte_inside_a_row_of_many_lines_is_found_on_its_line() -> None:
    good, bad = mixed(b'a,b\n1,"x\ny\xff\nz"\n2,3')
    assert good == [["2", "3"]]
    ((lineno, code, message),) = bad
    assert (lineno, code) == (2, "encoding_invalid")
    assert message.startswith("line 3, byte 2: ")


def test_a_quote_that_takes_the_whole_file_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tap_files.formats.csv_text.MAX_DOCUMENT_BYTES", 500)
    data = b"a,b\n" + b'"1,2\n' + b"3,4\n" * 1_000
    good, bad = mixed(data)
    assert good == [["3", "4"]] * 1_000
    assert [(lineno, code) for lineno, code, _ in bad] == [(2, "csv_invalid")]
    assert "is a quote never closed?" in bad[0][2]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"a,b,a\n1,2,3", "line 1: fields 1 and 3 of the header have one name, 'a'"),
        (b"\na,,b\n1,2,3", "line 2: field 2 of the header has no name"),
        (b"a,b,\n1,2,3", "line 1: field 3 of the header has no name"),
        (b'"a,b\n1,2', "line 1: a quote is never closed"),
        (b"a\x00,b\n1,2", "line 1, byte 2: a NUL byte is no text"),
        ("a,b\n1,2".encode("utf-16-le"), "line 1, byte 2: a NUL byte is no text"),
    ],
)
def test_a_header_that_does_not_name_each_column_once_refuses_the_file(
    data: bytes, said: str
) -> None:
    with pytest.raises(BadFileError) as raised:
        list(read_csv([data]))
    assert str(raised.value).startswith(said)


def test_memory_does_not_grow_with_the_file() -> None:
    import tracemalloc  # noqa: PLC0415 - switched on for this test alone

    def chunks() -> Iterable[bytes]:
        yield b"a,b\n"
        for _ in range(30):
            yield b'1,"two\n%s"\n' % (b"x" * 10_000) * 100

    tracemalloc.start()
    count = sum(1 for _ in read_csv(chunks()))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 3_000
    assert peak < 8 * 1024 * 1024
