"""The requirements files: what is installed, in which version and by which hashes."""

import re
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

_HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}\b")


@dataclass(frozen=True, slots=True)
class Pinned:
    """Attributes:
    name: as indexes normalise it: lower case, words joined by single hyphens.
    version: the only one that is installed; None if the line leaves it open.
    hashes: how many files of it are accepted.
    needed_here: whether this machine's Python installs it.
    """

    name: str
    version: str | None
    hashes: int
    needed_here: bool


def read_requirements(file: Path) -> list[Pinned]:
    """Every requirement of a file that ``make lock`` wrote, in its order.

    Raises:
        InvalidRequirement: a line is none.
    """
    lines = file.read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
    return [_pinned(line) for line in lines if line.strip() and not line.startswith("#")]


def _pinned(line: str) -> Pinned:
    requirement_text, _, _ = line.partition("--hash")
    requirement = Requirement(requirement_text.strip())
    versions = [one.version for one in requirement.specifier if one.operator == "=="]
    return Pinned(
        name=canonicalize_name(requirement.name),
        version=versions[0] if len(versions) == len(requirement.specifier) == 1 else None,
        hashes=len(_HASH.findall(line)),
        needed_here=requirement.marker is None or requirement.marker.evaluate(),
    )
