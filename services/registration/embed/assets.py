"""The files that pages load: scripts and one stylesheet, each with the mark of its content in its address."""

from functools import cache
from hashlib import sha256
from pathlib import Path

from shared.web.look.sheets import STATIC_FOLDER as SHARED_FOLDER
from shared.web.look.sheets import Sheet, paper_sheet

STATIC_FOLDER = Path(__file__).parent / "static"
STATIC_PATH = "/embed/static"
SHEET = "form.css"
SHARED = ("parent.js", "proof.js", "solver.js")
"""Scripts that pages of other services load as well."""


@cache
def sheet() -> Sheet:
    """The stylesheet of all pages."""
    return paper_sheet(STATIC_FOLDER / SHEET)


def file_of(name: str) -> Path:
    """Where a static file lies; there may be none."""
    return (SHARED_FOLDER if name in SHARED else STATIC_FOLDER) / name


@cache
def asset(name: str) -> str:
    """The address of a static file; it changes with the content, so that no cache can hold an old one.

    Raises:
        OSError: there is no such file.
    """
    path = f"{STATIC_PATH}/{name}"
    if name == SHEET:
        return sheet().address(path)
    return f"{path}?v={sha256(file_of(name).read_bytes()).hexdigest()[:12]}"
