"""A name in addresses from what people call a thing."""

import re
import unicodedata

from services.events.domain.rules import SLUG_LENGTH


def name_from(title: str) -> str:
    """``title`` in lower-case Latin letters and digits with hyphens; empty if it has none of them.

    Accents are left off; other scripts are not transcribed, since a wrong name stays for ever.
    """
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    words = re.findall(r"[a-z0-9]+", plain)
    name = ""
    for word in words:
        longer = f"{name}-{word}" if name else word[:SLUG_LENGTH]
        if len(longer) > SLUG_LENGTH:
            break
        name = longer
    return name
