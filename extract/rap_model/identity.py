"""Ids that files, change streams and replays agree on: a given UUID, or one derived from the name.

The rule, which docs/data-model.md states for people: `uuid5(NAMESPACE, entity + natural key)`, with
every text of the key normalised first, so that a file and a database that spell a thing alike but
for case, width and spacing mean one thing.
"""

import hashlib
import unicodedata
from functools import lru_cache
from uuid import UUID

NAMESPACE = UUID("2b6c4e3f-7d0a-5a51-9c1e-8f4d3b7a6e10")
"""Never changed: every derived id in every store hangs on it."""

UNDERIVED = "00000000-0000-0000-0000-000000000000"
"""Stands for an id whose natural key is unusable. Never in a record: the key's own field fails."""

_SEPARATOR = "\x1f"  # normalised text cannot hold it: it counts as white space
_HASH = hashlib.sha1(NAMESPACE.bytes, usedforsecurity=False)
_VARIANTS = {f"{digit:x}": f"{digit & 0x3 | 0x8:x}" for digit in range(16)}


def normalise(text: str) -> str:
    """Return `text` as it is compared: compatibility case folding, single spaces, none at the ends.

    Normalising twice is normalising once.
    """
    if text.isascii():
        return " ".join(text.lower().split())
    # Unicode's compatibility caseless match (definition D146): folding can undo the normalisation
    # before it, and the first NFD is for U+0345, which folds to a letter.
    folded = unicodedata.normalize("NFD", text).casefold()
    folded = unicodedata.normalize("NFKC", folded).casefold()
    return " ".join(unicodedata.normalize("NFKC", folded).split())


def derive_id(entity: str, *key: str) -> UUID:
    """Return the id of the `entity` (`artist`, `lyric`, …) whose natural key is `key`."""
    return UUID(derive_text(entity, *key))


def derive_text(entity: str, *key: str) -> str:
    """Return `derive_id` as text; a UUID object costs more than the hash."""
    digest = _HASH.copy()
    digest.update(_SEPARATOR.join((entity, *map(normalise, key))).encode())
    text = digest.hexdigest()
    # RFC 9562: the version is the 13th digit, the variant the upper half of the 17th.
    variant = _VARIANTS[text[16]]
    return f"{text[:8]}-{text[8:12]}-5{text[13:16]}-{variant}{text[17:20]}-{text[20:32]}"


@lru_cache(maxsize=65536)
def artist_id(name: str) -> str:
    """Return the derived id of the artist called `name`, as text.

    Names come again in credit after credit, so that the answers are kept.
    """
    return derive_text("artist", name)


def canonical_id(value: object) -> str:
    """Return a given id in the spelling that goes into a natural key, `UNDERIVED` if it is none."""
    return _canonical(str(value)) if isinstance(value, str | UUID) else UNDERIVED


@lru_cache(maxsize=65536)
def _canonical(value: str) -> str:
    try:
        return str(UUID(value))
    except ValueError:
        return UNDERIVED
