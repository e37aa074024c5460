"""A short name in addresses and columns from what people call a thing."""

import re
import unicodedata

MAX_LENGTH = 80


def slug_from(title: str, separator: str = "-", longest: int = MAX_LENGTH) -> str:
    """Return ``title`` in lower-case Latin letters and digits; empty if it has none of them.

    Accents are left off; other scripts are not transcribed, since a wrong name stays for ever.

    Args:
        title: what people call it.
        separator: between its words.
        longest: most characters; whole words are left off at the end.
    """
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    name = ""
    for word in re.findall(r"[a-z0-9]+", plain):
        longer = f"{name}{separator}{word}" if name else word[:longest]
        if len(longer) > longest:
            break
        name = longer
    return name


def free_slug(wanted: str, taken: set[str], separator: str = "-") -> str:
    """Return ``wanted``, or with the first number from 2 on that makes it differ from all that are ``taken``."""
    number, free = 2, wanted
    while free in taken:
        number, free = number + 1, f"{wanted}{separator}{number}"
    return free
