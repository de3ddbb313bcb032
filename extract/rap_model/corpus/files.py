"""A corpus as files: a few large ones of JSON lines, or many small ones of YAML."""

import json
from collections.abc import Callable, Iterator
from itertools import islice

import msgspec

from rap_model.corpus.documents import Corpus, Document

Put = Callable[[str, bytes], object]
"""Stores a file under a key: `put("lyrics/00001.jsonl", content)`."""

_scalar = json.JSONEncoder(ensure_ascii=False).encode
"""A scalar of JSON is one of YAML."""

_DOCUMENTS_PER_FILE = {"jsonl": 10_000, "yaml": 20}
LAYOUTS = tuple(_DOCUMENTS_PER_FILE)


def write(put: Put, *, lyrics: int, seed: int, layout: str, files: int | None = None) -> int:
    """Write the artists, lyrics and meetups of a corpus with `put`; return the number of files.

    The same lyrics, seed, layout and files give the same bytes. One file at a time is held in
    memory.

    Args:
        put: called once for each file, with its key and its content.
        lyrics: how many lyrics; artists and meetups go with them.
        seed: which corpus of that size.
        layout: one of `LAYOUTS`; in YAML there are several documents in a file.
        files: how many files of lyrics; artists and meetups get as many documents in a file.
            By default 10,000 lyrics in a file of JSON lines, 20 in one of YAML.

    Raises:
        ValueError: there is no such layout, or less than one lyric is asked for.
    """
    if layout not in LAYOUTS:
        raise ValueError(f"layout must be one of {', '.join(LAYOUTS)}, not {layout}")
    corpus = Corpus(lyrics, seed)
    per_file = -(-lyrics // files) if files else _DOCUMENTS_PER_FILE[layout]
    encode = _jsonl if layout == "jsonl" else _yaml
    written = 0
    for kind, documents in (
        ("artists", corpus.artists()),
        ("lyrics", corpus.lyrics()),
        ("meetups", corpus.meetups()),
    ):
        for number, chunk in enumerate(_chunks(documents, per_file), 1):
            put(f"{kind}/generated/{number:06}.{layout}", encode(chunk))
            written += 1
    return written


def _chunks(documents: Iterator[Document], size: int) -> Iterator[list[Document]]:
    while chunk := list(islice(documents, size)):
        yield chunk


def _jsonl(documents: list[Document]) -> bytes:
    return msgspec.json.Encoder().encode_lines(documents)


def _yaml(documents: list[Document]) -> bytes:
    # A general emitter writes 1,000 documents a second; these have two levels and known texts.
    return "".join(f"---\n{_mapping(document)}" for document in documents).encode()


def _mapping(document: Document) -> str:
    lines: list[str] = []
    for name, value in document.items():
        if isinstance(value, list):
            if value:
                lines.append(f"{name}:\n")
                lines.extend(_element(element) for element in value)
        elif isinstance(value, str) and "\n" in value:
            block = value.removesuffix("\n").replace("\n", "\n  ").replace("\n  \n", "\n\n")
            lines.append(f"{name}: |\n  {block}\n")
        else:
            lines.append(f"{name}: {_scalar(value)}\n")
    return "".join(lines)


def _element(element: Document) -> str:
    """Return an object of a list: a dash before its first field, the others below."""
    fields = "".join(f"    {name}: {_scalar(value)}\n" for name, value in element.items())
    return f"  - {fields.removeprefix('    ')}"
