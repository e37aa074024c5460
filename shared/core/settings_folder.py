"""Settings as files in a folder: what an orchestrator mounts into a container.

``TROIKA_SETTINGS=/run/troika`` names the folder. A file in it is the setting of its name, for every process of the
container; a file in its folder ``decide`` is a setting of the process ``decide`` alone, and counts first. So several
background roles can run in one process, each with its own logins.
"""

import re
from collections.abc import Iterator
from pathlib import Path

VARIABLE = "TROIKA_SETTINGS"
_NAME = re.compile(r"[A-Z][A-Z0-9_]*")


def read_folder(folder: Path, process: str) -> dict[str, str]:
    """Every setting of ``process`` in ``folder``, by name.

    The value is what stands in the file. It is the file's path where the name says so (``TROIKA_INTAKE_KEY_FILE``), and
    the folder's path for a folder (``TROIKA_FORM_KEYS``).

    Args:
        folder: that ``TROIKA_SETTINGS`` names.
        process: kind of the process; empty for what has no settings of its own.

    Raises:
        OSError: the folder is not there, or a file in it cannot be read.
        UnicodeDecodeError: a file is not text.
    """
    own = folder / process
    return {**dict(_settings(folder)), **(dict(_settings(own)) if process and own.is_dir() else {})}


def _settings(folder: Path) -> Iterator[tuple[str, str]]:
    for path in sorted(folder.iterdir()):
        if _NAME.fullmatch(path.name):
            named = path.is_dir() or path.name.endswith("_FILE")
            yield path.name, str(path) if named else path.read_text().strip()
