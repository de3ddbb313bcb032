"""The words of a text, found by the Unicode category of each character."""

from __future__ import annotations

import re
import unicodedata

_SYMBOL_MARKS = frozenset(map(chr, [*range(0x20D0, 0x2100), *range(0xFE00, 0xFE10)]))
_APOSTROPHE = "\N{RIGHT SINGLE QUOTATION MARK}"
_SIGMAS = ("\N{GREEK SMALL LETTER FINAL SIGMA}", "\N{GREEK SMALL LETTER SIGMA}")
_JOINERS = "'\u200c\u200d"


def words(text: str) -> list[str]:
    """Return the words of ``text`` in lower case: letters, marks and numbers, joined inside."""
    marked = "".join(
        c if c in _JOINERS or _is_word_character(c) else " " for c in text.replace(_APOSTROPHE, "'")
    )
    joined = re.sub(f"(?<=[^ {_JOINERS}])[{_JOINERS}](?=[^ {_JOINERS}])", "\0", marked)
    found = [w.replace("\0", "'") for w in re.split(f"[ {_JOINERS}]+", joined) if w]
    # One letter for one letter: a dotted capital I is an i, a final sigma a sigma.
    return ["".join(c.lower()[0] for c in word).replace(*_SIGMAS) for word in found]


def lines(text: str) -> int:
    """Return the number of lines that are not blank."""
    return sum(1 for line in re.split(r"\r\n|\r|\n", text) if line.strip())


def _is_word_character(character: str) -> bool:
    return unicodedata.category(character)[0] in "LMN" and character not in _SYMBOL_MARKS
