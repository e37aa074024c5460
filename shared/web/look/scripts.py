"""Scripts put together from modules: a page loads one file, its address changes with any part of it, and what only a
reader of the source needs is left out."""

import re
from hashlib import sha256
from pathlib import Path

from shared.web.look.sheets import Sheet

_COMMENT = re.compile(r"(?:^[ ]*|[ ]+)/\*.*?\*/[ ]*$", re.MULTILINE | re.DOTALL)
_IMPORT = re.compile(r'^import \{[^}]*\} from "\./[a-z]+\.js";$', re.MULTILINE)
_EXPORT = re.compile(r"^export ", re.MULTILINE)
_INDENT = re.compile(r"^\s+", re.MULTILINE)


def bundled(*files: Path) -> Sheet:
    """Return one script made of modules, each behind those that it imports.

    Comments at the ends of lines, or on lines of their own, and indentation are left out. No two modules may declare
    the same name at the top level, none may import under another name, and none may have a text of several lines.

    Raises:
        OSError: there is no such file.
    """
    text = "".join(_plain(file.read_text(encoding="utf-8")) for file in files)
    return Sheet(text, sha256(text.encode()).hexdigest()[:12])


def _plain(source: str) -> str:
    for left_out in (_COMMENT, _IMPORT, _EXPORT, _INDENT):
        source = left_out.sub("", source)
    return source
