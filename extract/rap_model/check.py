"""The check of authored raps in CI: stricter than loading, and it sees all files at once.

Loading takes what it can get. A pull request is held to more: no unknown field, nothing written
twice, and every reference leads to something that is written in the same folder.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from rap_model import how_to_dok
from rap_model.artist import Artist
from rap_model.authored import SUFFIXES, Authored, FieldPath, UnreadableError, read
from rap_model.base import SCHEMA_VERSION, Entity
from rap_model.identity import UNDERIVED, normalise
from rap_model.lyric import Lyric
from rap_model.meetup import Meetup

FOLDERS: dict[str, type[Entity]] = {"artists": Artist, "lyrics": Lyric, "meetups": Meetup}


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault: where it is, what was found there, and what would be right."""

    file: str
    line: int
    field: str
    code: str
    message: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}"
        return (
            f"{where}: {self.field}: {self.message}" if self.field else f"{where}: {self.message}"
        )


@dataclass(frozen=True, slots=True)
class _Document:
    """A document that is an object, with its record unless it is faulty."""

    file: str
    model: type[Entity]
    authored: Authored
    expanded: dict[str, Any]
    record: dict[str, Any] | None

    @property
    def id(self) -> str:
        return str(self.expanded[f"{self.model.__name__.lower()}_id"])

    @property
    def place(self) -> str:
        return f"{self.file}:{self.authored.line}"

    def problem(self, path: FieldPath, code: str, message: str) -> Problem:
        return Problem(self.file, self.authored.line_of(path), _name(path), code, message)


def check_corpus(folder: Path) -> list[Problem]:
    """Return every fault of the rap files in `artists/`, `lyrics/` and `meetups/` of a folder.

    Other folders, such as one with files broken on purpose, are not looked into. Problems come in
    the order of file and line; an empty list means that all is well.
    """
    problems: list[Problem] = []
    documents: list[_Document] = []
    for name, model in FOLDERS.items():
        for path in sorted((folder / name).rglob("*")):
            if path.is_file() and not path.name.startswith("."):
                file = path.relative_to(folder).as_posix()
                problems.extend(_check_file(path, file, model, documents))
    if not documents and not problems:
        message = f"has no rap files; they lie in {', '.join(f'{name}/' for name in FOLDERS)}"
        problems.append(Problem(folder.as_posix(), 1, "", "corpus_empty", message))
    problems.extend(_repetitions(documents))
    problems.extend(_loose_ends(documents))
    return sorted(problems, key=lambda problem: (problem.file, problem.line, problem.field))


def _check_file(
    path: Path, file: str, model: type[Entity], documents: list[_Document]
) -> Iterator[Problem]:
    if path.suffix not in SUFFIXES:
        yield Problem(file, 1, "", "file_unknown", f"must end in {', '.join(SUFFIXES)}")
        return
    line = 1
    try:
        for authored in read(path):
            line = authored.line
            yield from _check_document(file, authored, model, documents)
    except UnreadableError as error:
        yield Problem(file, max(line, error.line), "", "unparsable", str(error))


def _check_document(
    file: str, authored: Authored, model: type[Entity], documents: list[_Document]
) -> Iterator[Problem]:
    content = authored.content
    faults: list[Problem] = []
    record: dict[str, Any] | None = None
    try:
        record = model.read(content)
    except ValidationError as error:
        for fault in error.errors(include_url=False):
            path = _as_written(fault["loc"], content)
            message = _message(fault["type"], fault["msg"], fault["input"], path)
            line = authored.line_of(path)
            faults.append(Problem(file, line, _name(path), fault["type"], message))
    yield from faults
    if not isinstance(content, dict):
        return
    if "schema_version" not in content and not how_to_dok.is_first_format(content):
        message = f"is missing; must be {SCHEMA_VERSION}"
        yield Problem(file, authored.line, "schema_version", "missing", message)
    for name in model.unknown_fields(content):
        known = sorted({*model.model_fields, *model.shorthand})
        message = f"is no field of {model.__name__}{_suggestion(name, known)}"
        path = next((path for path in authored.lines if _name(path) == name), ())
        yield Problem(file, authored.line_of(path), name, "field_unknown", message)
    documents.append(_Document(file, model, authored, model.expand(content), record))


def _repetitions(documents: list[_Document]) -> Iterator[Problem]:
    """Yield a problem for each document about something that another one is about already."""
    first: dict[tuple[type[Entity], str], _Document] = {}
    for document in documents:
        if document.id == UNDERIVED:
            continue
        other = first.setdefault((document.model, document.id), document)
        if other is not document:
            kind = document.model.__name__.lower()
            message = f"is the {kind} of {other.place} again; keep one of them"
            yield document.problem((), "authored_twice", message)


def _loose_ends(documents: list[_Document]) -> Iterator[Problem]:
    """Yield a problem for each credit or performance of something that nobody wrote."""
    ids = {(document.model, document.id.lower()) for document in documents}
    artists = {
        normalise(name): (name, document.id.lower())
        for document in documents
        if document.model is Artist and isinstance(name := document.expanded.get("name"), str)
    }
    for document in documents:
        if document.record is None:
            continue
        for field in ("credits", "performances"):
            for index, row in enumerate(document.record.get(field, ())):
                written = document.expanded[field][index]
                path: FieldPath = (field, index)
                if (Artist, row["artist_id"]) not in ids:
                    message = _unknown_artist(written.get("artist"), artists)
                    yield document.problem((*path, "artist"), "artist_unknown", message)
                elif "lyric_id" in row and (Lyric, row["lyric_id"]) not in ids:
                    message = (
                        "no lyric of this folder has this title and lead artist; correct them "
                        "(singer: the lead artist, if not the performer) or add the lyric"
                    )
                    yield document.problem((*path, "lyric"), "lyric_unknown", message)


def _unknown_artist(name: Any, artists: dict[str, tuple[str, str]]) -> str:
    if not isinstance(name, str):
        return "no artist of this folder has this artist_id; correct it or add the artist"
    if normalise(name) in artists:
        _, artist_id = artists[normalise(name)]
        return f"this artist has an id of its own; must be artist_id: {artist_id}"
    close = get_close_matches(normalise(name), artists, n=1)
    hint = f"; did you mean {artists[close[0]][0]}?" if close else ""
    return f"no artist of this folder is called {name}; correct it or add the artist{hint}"


def _as_written(path: FieldPath, content: Any) -> FieldPath:
    """Return a field's path with the name that it has in a document of the first format."""
    if path and isinstance(content, dict) and how_to_dok.is_first_format(content):
        return (how_to_dok.WRITTEN.get(str(path[0]), path[0]), *path[1:])
    return path


def _message(code: str, message: str, found: Any, path: FieldPath) -> str:
    if code == "missing":
        shorthand = {"artist_id": "artist: its name", "lyric_id": "lyric: its title"}
        hint = shorthand.get(str(path[-1])) if len(path) > 1 else None
        return f"is missing; must be there{f', or {hint}' if hint else ''}"
    if code == "model_type":
        message = "must be an object with named fields"
    return f"found {kind_of(found)}; {message}"


def kind_of(value: Any) -> str:
    """Return what a value is, in words for people; never the value, which may be a lyric."""
    kinds = {
        bool: "true or false",
        int: "a number",
        float: "a number",
        str: "text" if value else "empty text",
        datetime: "a date and time",
        date: "a date",
        list: "a list" if value else "an empty list",
        dict: "an object",
        type(None): "nothing",
    }
    return kinds.get(type(value), f"a value of type {type(value).__name__}")


def _name(path: FieldPath) -> str:
    """Return a path as text: `credits[0].role`."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}"
    return text.removeprefix(".")


def _suggestion(name: str, known: list[str]) -> str:
    close = get_close_matches(name, known, n=1)
    return f"; did you mean {close[0]}?" if close else "; remove it, or say it in notes"
