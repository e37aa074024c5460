"""What to say of a parameter that is not known."""

from collections.abc import Iterable
from difflib import get_close_matches

MAX_NAME_CHARACTERS = 40
"""The longest name for which the nearest known one is looked for: each search compares with all known ones."""


def unknown_parameter_advice(name: str, known: Iterable[str]) -> str:
    """A sentence that names the known parameter nearest to ``name``, or else all of them."""
    known = sorted(known)
    if len(name) <= MAX_NAME_CHARACTERS and (near := get_close_matches(name.lower(), known, n=1)):
        return f"Unknown parameter; did you mean `{near[0]}`?"
    if not known:
        return "Unknown parameter; this operation takes none"
    return f"Unknown parameter; known are {', '.join(f'`{one}`' for one in known)}"
