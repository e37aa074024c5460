"""The files that pages load: scripts and one stylesheet, each with a digest of its content in its address."""

from base64 import b64encode
from collections.abc import Mapping
from functools import cache
from hashlib import sha256, sha384
from pathlib import Path

from shared.web.look.sheets import STATIC_FOLDER as SHARED_FOLDER
from shared.web.look.sheets import Sheet, bundled, paper_sheet

STATIC_FOLDER = Path(__file__).parent / "static"
STATIC_PATH = "/embed/static"
SHEET = "form.css"
SCRIPT = "troika.js"
SCRIPT_PATH = f"/embed/{SCRIPT}"
FORM_PARTS = ("questions.js", "lines.js", "errors.js", "sending.js", "outcome.js", "frame.js")
SCRIPTS: Mapping[str, tuple[Path, ...]] = {
    SCRIPT: (STATIC_FOLDER / SCRIPT,),
    "frame.js": (
        *(SHARED_FOLDER / name for name in ("fetching.js", "parent.js", "proof.js")),
        *(STATIC_FOLDER / name for name in FORM_PARTS),
    ),
    "framed.js": (SHARED_FOLDER / "parent.js", SHARED_FOLDER / "framed.js"),
    "selftest.js": (SHARED_FOLDER / "parent.js", STATIC_FOLDER / "selftest.js"),
    "solver.js": (SHARED_FOLDER / "solver.js",),
    "waiting.js": (SHARED_FOLDER / "fetching.js", STATIC_FOLDER / "waiting.js"),
}
"""The modules of each script that pages load, in order."""


@cache
def sheet() -> Sheet:
    """The stylesheet of all pages."""
    return paper_sheet(STATIC_FOLDER / SHEET)


@cache
def script(name: str) -> Sheet:
    """A script as it is served.

    Raises:
        KeyError: there is no such script.
    """
    return bundled(*SCRIPTS[name])


@cache
def pinned_script() -> tuple[str, str]:
    """The address of exactly the script that is served now, and its digest for a page that wants no other (SRI).

    An address holds what it has always held or nothing: after an update of the script the old one is gone.
    """
    content = script(SCRIPT).text.encode()
    integrity = b64encode(sha384(content).digest()).decode()
    return f"/embed/troika-{sha256(content).hexdigest()[:12]}.js", f"sha384-{integrity}"


@cache
def asset(name: str) -> str:
    """The address of a stylesheet or script; it changes with the content, so that no cache can hold an old one.

    Raises:
        KeyError: there is no such file.
    """
    return (sheet() if name == SHEET else script(name)).address(f"{STATIC_PATH}/{name}")
