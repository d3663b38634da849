"""How far a person's text is from the draft it began with."""


def distance(before: str, after: str) -> float:
    """The normalised Levenshtein distance, white space folded: 0 (the same) to 1 (nothing left)."""
    from rapidfuzz.distance import Levenshtein

    return round(
        Levenshtein.normalized_distance(" ".join(before.split()), " ".join(after.split())), 4
    )
