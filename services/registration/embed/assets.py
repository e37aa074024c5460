"""The files that pages load: scripts and one stylesheet, each with the mark of its content in its address."""

from functools import cache
from hashlib import sha256
from pathlib import Path

STATIC_FOLDER = Path(__file__).parent / "static"
STATIC_PATH = "/embed/static"


@cache
def asset(name: str) -> str:
    """The address of a static file; it changes with the content, so that no cache can hold an old one.

    Raises:
        OSError: there is no such file.
    """
    mark = sha256((STATIC_FOLDER / name).read_bytes()).hexdigest()[:12]
    return f"{STATIC_PATH}/{name}?v={mark}"
