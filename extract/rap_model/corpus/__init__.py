"""Any volume of realistic raps: the same number and seed give the same bytes."""

from rap_model.corpus.documents import Corpus
from rap_model.corpus.files import LAYOUTS, Put, write

__all__ = ["LAYOUTS", "Corpus", "Put", "generate", "write"]


def generate(lyrics: int, seed: int) -> Corpus:
    """Return a corpus of that many lyrics; it makes its documents as they are asked for."""
    return Corpus(lyrics, seed)
