"""Reads a spreadsheet (.xlsx) in a separate process with limits: a hostile file can only end that process.

Nothing is evaluated: the value of a formula is the one that the spreadsheet has stored beside it. Unpacked data are
measured before they are parsed, since the sizes in a ZIP may be false; document types are refused (XML entity bombs,
CWE-776).
"""

import io
import json
import os
import re
import resource
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any

from services.registration.importing.model import MAX_CELL, MAX_COLUMNS, MAX_ROWS, FileRefused

MAX_ENTRIES = 2000
MAX_UNPACKED_BYTES = 300 * 1024 * 1024
MAX_TEXT = 64 * 1024 * 1024
"""Characters of all cells: a text that the file contains once can be in every cell of the sheet."""

MEMORY_BYTES = 2 * 1024**3
CPU_S, WALL_S = 60, 120
INHERITED = ("PATH", "PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH", "LANG", "PYTHONPYCACHEPREFIX")
_CELL = re.compile(rb"""\br\s*=\s*["']\$?([A-Z]{1,7})\$?([0-9]{1,9})["']""")
_ROW = re.compile(rb"""<(?:\w+:)?row\b[^<>]*?\br\s*=\s*["']([0-9]{1,9})["']""")
_DOCTYPE = re.compile(rb"<!(DOCTYPE|ENTITY)", re.IGNORECASE)
_CHUNK, _OVERLAP = 1024 * 1024, 64


def read_workbook(data: bytes) -> list[list[str]]:
    """Return the rows of the first sheet that has any, each with its cells as text; the first row is row 1.

    Raises:
        FileRefused: no spreadsheet, too large in any way, or hostile.
    """
    command = [sys.executable, "-m", "services.registration.importing.workbook"]
    allowed = {name: value for name, value in os.environ.items() if name in INHERITED}  # not one of our settings
    try:
        ran = subprocess.run(  # noqa: S603 - constant
            command, input=data, capture_output=True, timeout=WALL_S, check=False, env=allowed
        )
    except subprocess.TimeoutExpired:
        raise FileRefused("too-large", "Reading the file takes too long.") from None
    if ran.returncode != 0:
        raise FileRefused("unreadable", "The file is not a spreadsheet, or reading it takes too much memory.")
    answer = json.loads(ran.stdout)
    if "code" in answer:
        raise FileRefused(answer["code"], answer["reason"])
    rows: list[list[str]] = answer["rows"]
    return rows


def check_archive(data: bytes) -> None:
    """Refuse an archive that is hostile or too large, by unpacking it without keeping anything.

    Raises:
        FileRefused: see there.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            if len(entries) > MAX_ENTRIES:
                raise FileRefused("too-large", f"The file holds more than {MAX_ENTRIES} parts.")
            left = MAX_UNPACKED_BYTES
            for entry in entries:
                left = _check_entry(archive, entry, left)
    # raised by zipfile for: no archive, unknown compression, encryption, a cut-off file, a wrong offset or size
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError, ValueError) as error:
        if isinstance(error, FileRefused):
            raise
        raise FileRefused("unreadable", "The file is not an .xlsx spreadsheet, or it is damaged.") from None


def _check_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, left: int) -> int:
    is_xml = entry.filename.lower().endswith((".xml", ".rels"))
    is_sheet = entry.filename.lower().startswith("xl/worksheets/")
    with archive.open(entry) as content:
        before = b""
        while chunk := content.read(_CHUNK):
            left -= len(chunk)
            if left < 0:
                raise FileRefused("too-large", f"Unpacked, the file is larger than {MAX_UNPACKED_BYTES // 2**20} MB.")
            text = before + chunk
            if is_xml and _DOCTYPE.search(text):
                raise FileRefused(
                    "hostile", "The file contains a document type declaration, which spreadsheets do not need."
                )
            if is_sheet:
                _check_extent(text)
            before = text[-_OVERLAP:]
    return left


def _check_extent(text: bytes) -> None:
    """Refuse cells far from the origin: the reader would allocate all cells before them."""
    for letters, number in _CELL.findall(text):
        if int(number) > MAX_ROWS + 1:
            raise FileRefused("too-many-rows", f"The sheet has more than {MAX_ROWS} rows.")
        if len(letters) > 2 or _column(letters) > MAX_COLUMNS:
            raise FileRefused("too-many-columns", f"The sheet has more than {MAX_COLUMNS} columns.")
    for number in _ROW.findall(text):
        if int(number) > MAX_ROWS + 1:
            raise FileRefused("too-many-rows", f"The sheet has more than {MAX_ROWS} rows.")


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


def _rows(data: bytes) -> Iterator[list[str]]:
    from python_calamine import CalamineError, CalamineWorkbook  # only this process parses

    check_archive(data)
    try:
        workbook = CalamineWorkbook.from_filelike(io.BytesIO(data))
        for name in workbook.sheet_names:
            sheet = workbook.get_sheet_by_name(name)
            if sheet.height:
                yield from _texts(sheet.to_python(skip_empty_area=False))
                return
    except CalamineError:
        raise FileRefused("unreadable", "The file is not an .xlsx spreadsheet, or it is damaged.") from None


def _texts(sheet: list[list[Any]]) -> Iterator[list[str]]:
    """The rows as text, without empty cells at their ends; refused if it would not fit into the calling process."""
    left = MAX_TEXT
    for number, cells in enumerate(sheet, 1):
        row = [_text(cell, number) for cell in cells]
        while row and not row[-1]:
            row.pop()
        left -= sum(map(len, row))
        if left < 0:
            raise FileRefused("too-large", f"The cells hold more than {MAX_TEXT // 2**20} million characters.")
        yield row


def _text(cell: Any, row: int) -> str:
    """What is in a cell as text: days as ISO 8601, whole numbers without a point."""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(cell)
    if isinstance(cell, datetime):
        return cell.date().isoformat() if cell.time() == time() else cell.isoformat(" ")
    if isinstance(cell, date | time):
        return cell.isoformat()
    if isinstance(cell, timedelta):
        return str(cell)
    text = str(cell)
    if "\0" in text:
        raise FileRefused("control-characters", f"Row {row} holds a NUL character.")
    if len(text) > MAX_CELL:
        raise FileRefused("cell-too-long", f"Row {row} has a cell of more than {MAX_CELL} characters.")
    return text


def main() -> None:
    """Read a spreadsheet from the standard input and write its rows as JSON; see :func:`read_workbook`."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    try:
        answer: dict[str, Any] = {"rows": list(_rows(sys.stdin.buffer.read()))}
    except FileRefused as refused:
        answer = {"code": refused.code, "reason": str(refused)}
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    main()
