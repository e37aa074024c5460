"""Lists as spreadsheets (Office Open XML), row by row into a file on disk, so that a long one is never held whole.

Every text is written as a text: nothing that people typed becomes a formula, a link or a number.
"""

import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress

import xlsxwriter
from flask import Response, request
from xlsxwriter.exceptions import XlsxFileError

from shared.core.errors import DomainError, Unavailable

XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CHUNK_BYTES = 64 * 1024
MAX_ROWS = 30_000
"""About 40 MB on disk while it is made: a container has 64 MB. CSV has no bound."""
LONGEST_CELL = 32_767
"""Characters that a cell can hold in Excel."""

_OPTIONS = {
    "constant_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
}


def wants_xlsx() -> bool:
    """Whether the caller asks for a spreadsheet rather than anything else (``Accept``)."""
    return request.accept_mimetypes.best == XLSX_TYPE


def xlsx_answer(name: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> Response:
    """An answer with the file ``name`` (without ending) to be saved.

    The file is complete before the answer begins, and is deleted at once: only this answer can still read it.

    Raises:
        DomainError: ``too-many-rows``: CSV has no such bound.
        Unavailable: as reading a row does; or the disk is full.
    """
    handle, path = tempfile.mkstemp(suffix=".xlsx")
    os.close(handle)
    try:
        _write(path, header, rows)
        size, chunks = os.path.getsize(path), _chunks(path)
        first = next(chunks)  # opens the file
    except (OSError, XlsxFileError) as error:
        raise Unavailable("no room for a spreadsheet") from error
    finally:
        with suppress(FileNotFoundError):
            os.unlink(path)
    response = Response(_chained(first, chunks), content_type=XLSX_TYPE)
    response.headers["Content-Length"] = str(size)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.xlsx"'
    response.headers["Vary"] = "Accept"
    return response


def _write(path: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    book = xlsxwriter.Workbook(path, _OPTIONS)
    sheet, bold = book.add_worksheet(), book.add_format({"bold": True})
    sheet.freeze_panes(1, 0)
    sheet.set_column(0, max(len(header) - 1, 0), 22)
    for column, title in enumerate(header):
        sheet.write_string(0, column, title, bold)
    for number, row in enumerate(rows, 1):
        if number > MAX_ROWS:
            raise DomainError("too-many-rows", f"a spreadsheet has at most {MAX_ROWS:,} rows: take the CSV file")
        for column, value in enumerate(row):
            _write_cell(sheet, number, column, value)
    book.close()


def _write_cell(sheet: xlsxwriter.worksheet.Worksheet, row: int, column: int, value: object) -> None:
    if value is None or value == "":
        return
    if isinstance(value, bool):
        sheet.write_string(row, column, "yes" if value else "no")
    elif isinstance(value, int | float):
        sheet.write_number(row, column, value)
    else:
        sheet.write_string(row, column, str(value)[:LONGEST_CELL])


def _chunks(path: str) -> Iterator[bytes]:
    with open(path, "rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


def _chained(first: bytes, further: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from further
