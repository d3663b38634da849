"""How far a person's text is from the draft it began with."""

from typing import Final

_COMPARED: Final = 50_000
"""Characters that are compared: the time grows with the square of the length."""


def distance(before: str, after: str) -> float:
    """The normalised Levenshtein distance, white space folded: 0 (the same) to 1 (nothing left)."""
    # Whoever only asks for the status need not wait for it to be loaded.
    from rapidfuzz.distance import Levenshtein

    return round(Levenshtein.normalized_distance(_folded(before), _folded(after)), 4)


def _folded(text: str) -> str:
    return " ".join(text.split())[:_COMPARED]
