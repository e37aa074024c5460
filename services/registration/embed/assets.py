"""The files that pages load: scripts and one stylesheet, each with the mark of its content in its address."""

from base64 import b64encode
from functools import cache
from hashlib import sha256, sha384
from pathlib import Path

from shared.web.look.sheets import STATIC_FOLDER as SHARED_FOLDER
from shared.web.look.sheets import Sheet, paper_sheet

STATIC_FOLDER = Path(__file__).parent / "static"
STATIC_PATH = "/embed/static"
SHEET = "form.css"
SCRIPT = "troika.js"
SCRIPT_PATH = f"/embed/{SCRIPT}"
SHARED = ("fetching.js", "framed.js", "parent.js", "proof.js", "solver.js")
"""Scripts that pages of other services load as well."""


@cache
def sheet() -> Sheet:
    """The stylesheet of all pages."""
    return paper_sheet(STATIC_FOLDER / SHEET)


def file_of(name: str) -> Path:
    """Where a static file lies; there may be none."""
    return (SHARED_FOLDER if name in SHARED else STATIC_FOLDER) / name


@cache
def pinned_script() -> tuple[str, str]:
    """The address of exactly the script that is served now, and its mark for a page that wants no other (SRI).

    An address holds what it has always held or nothing: after an update of the script the old one is gone.
    """
    content = (STATIC_FOLDER / SCRIPT).read_bytes()
    integrity = b64encode(sha384(content).digest()).decode()
    return f"/embed/troika-{sha256(content).hexdigest()[:12]}.js", f"sha384-{integrity}"


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
