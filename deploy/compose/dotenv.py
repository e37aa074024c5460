"""The file ``.env`` as an operator wrote it: what Compose has changed or ignored cannot be seen in what it hands over.

Compose replaces ``$word`` in a value by nothing, with a warning that scrolls away, and ignores names that no container
uses.
"""

import re
from collections.abc import Collection, Iterator
from difflib import get_close_matches

from shared.runtime.settings import OURS

OF_COMPOSE = ("COMPOSE_FILE", "COMPOSE_PROFILES", "COMPOSE_PROJECT_NAME")
_LINE = re.compile(r"\s*(?:export\s+)?(?P<name>\w+)\s*=\s*(?P<value>.*)")
_USED = re.compile(r"\$\{(\w+)")
_REPLACED = re.compile(r"(?<![$\\])(?:\$\$)*\$[A-Za-z_{]")
RESEMBLES = 0.8


def names_in(compose_file: str) -> set[str]:
    """Names of the variables that a Compose file uses."""
    return set(_USED.findall(compose_file))


def dotenv_faults(text: str, known: Collection[str]) -> Iterator[str]:
    """What is wrong in the content of ``.env``, each with its line; a value is never repeated.

    Args:
        text: the content of the file.
        known: names of the variables of the Compose files.
    """
    names = sorted({*known, *OF_COMPOSE})
    for number, line in enumerate(text.splitlines(), start=1):
        found = _LINE.fullmatch(line)
        if found is None:
            continue
        name, value = found["name"], found["value"]
        meant = [] if name in names else get_close_matches(name, names, 1, RESEMBLES)
        if meant:
            yield f"line {number}: {name}: there is no such setting: did you mean {meant[0]}?"
        elif name not in names and name.startswith(OURS):
            yield f"line {number}: {name}: there is no such setting in .env: remove it; docs/reference/settings.md"
        if not value.startswith("'") and _REPLACED.search(value):
            yield (
                f"line {number}: {name}: Compose replaces $ and the word after it. In an address write %24 for $; "
                "or put the whole value in single quotes"
            )
