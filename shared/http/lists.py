"""Lists: keyset paging, and exports as CSV (RFC 4180) and as spreadsheets (Office Open XML).

A cursor is the sort key of the last row, so no page skips or repeats a row while others are inserted. Exports are
written row by row, so that a long one is never held whole.

CSV starts with a byte order mark: without it Excel takes UTF-8 for the encoding of its locale. A cell that begins
like a formula would be run by the spreadsheet of the reader (OWASP, CSV injection); such a cell gets an apostrophe
before it. Where a semicolon separates cells, as on most machines in Geneva, a spreadsheet splits our text there and at
its line breaks too, despite its quotes: what begins like a formula after one gets an apostrophe too. In a spreadsheet
every text is written as a text: nothing that people typed becomes a formula, a link or a number.
"""

import base64
import csv
import io
import json
import os
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING, Generic, TypeVar

import marshmallow as ma
from flask import Response, request
from werkzeug.exceptions import BadRequest

from shared.runtime.errors import DomainError, Unavailable

if TYPE_CHECKING:
    from xlsxwriter.worksheet import Worksheet

Row = TypeVar("Row")
Position = TypeVar("Position")

DEFAULT_LIMIT = 50
MAX_PAGE_SIZE = 200


class PageArguments(ma.Schema):
    """Query arguments of a listing."""

    cursor = ma.fields.String(
        load_default="",
        validate=ma.validate.Length(max=500),
        metadata={"description": "`next` of the last page"},
    )
    limit = ma.fields.Integer(load_default=DEFAULT_LIMIT, validate=ma.validate.Range(min=1, max=MAX_PAGE_SIZE))


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """Rows and the cursor of the next page; the cursor is empty if there is none."""

    items: Sequence[Row]
    next: str


def page_of(rows: Sequence[Row], limit: int, key: Callable[[Row], Sequence[str]]) -> Page[Row]:
    """A page from ``limit + 1`` rows asked for: the extra one only shows that there are more."""
    shown = rows[:limit]
    return Page(shown, to_cursor(key(shown[-1])) if len(rows) > limit else "")


def to_cursor(key: Sequence[str]) -> str:
    """An opaque cursor for a sort key."""
    return base64.urlsafe_b64encode(json.dumps(list(key)).encode()).decode().rstrip("=")


def from_cursor(cursor: str, parts: int) -> list[str] | None:
    """The sort key in ``cursor``; None for the first page.

    Raises:
        BadRequest: not one of our cursors.
    """
    if not cursor:
        return None
    try:
        key = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except ValueError:
        raise BadRequest("unknown cursor") from None
    if not isinstance(key, list) or len(key) != parts or not all(isinstance(part, str) for part in key):
        raise BadRequest("unknown cursor")
    return key


def position_in(cursor: str, parts: int, read: Callable[[Sequence[str]], Position]) -> Position | None:
    """Where the last page ended, as ``read`` makes it from the sort key in ``cursor``; None for the first page.

    Args:
        cursor: the cursor as the caller sent it.
        parts: the number of parts of the sort key.
        read: checks the key; raises ValueError if it is none of its listing.

    Raises:
        BadRequest: not a cursor of this listing.
    """
    key = from_cursor(cursor, parts)
    if key is None:
        return None
    try:
        return read(key)
    except ValueError:
        raise BadRequest("unknown cursor") from None


MEDIA_TYPE = "text/csv"
BYTE_ORDER_MARK = "\N{ZERO WIDTH NO-BREAK SPACE}"
_FORMULA_SIGNS = "=+-@＝＋－＠"
FORMULA_STARTS = (*_FORMULA_SIGNS, "\t", "\r", "\n")
"""What begins a formula in one spreadsheet or another; the wide forms are what East Asian keyboards make."""

_SEPARATORS = frozenset(";\t\n\v\f\r\x1c\x1d\x1e\x85\u2028\u2029")
"""What parts cells or rows for a program that reads our CSV by other rules: all line breaks of Unicode among them."""

_BEFORE_A_FORMULA = re.compile(rf"""(?<![;"\s])[;"\s]++(?=[{re.escape(_FORMULA_SIGNS)}])""")
"""All separators, quotes and blanks before the start of a formula, in linear time."""

_MADE_SAFE = re.compile(rf"""((?<![;"\s])[;"\s]++)'(?=[{re.escape(_FORMULA_SIGNS)}])""")
"""The same with the apostrophe that was put behind them."""


def wants_csv() -> bool:
    """Whether the caller asks for CSV rather than JSON (``Accept``)."""
    best = request.accept_mimetypes.best_match(["application/json", MEDIA_TYPE], default="application/json")
    return best == MEDIA_TYPE


def safe_cell(value: object) -> str:
    """``value`` as the text of a cell that no spreadsheet treats as a formula; None is empty, true is ``yes``.

    Only text can be a formula: a negative number stays a number.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not isinstance(value, str):
        return str(value)
    text = _BEFORE_A_FORMULA.sub(_parted, value)
    return f"'{text}" if text.lstrip(' "').startswith(FORMULA_STARTS) else text


def original_cell(cell: str) -> str:
    """Return the text from which ``safe_cell`` made ``cell``; other text stays as it is.

    Text with an apostrophe of its own before a sign of a formula is taken for text that was made safe.
    """
    if "'" not in cell:
        return cell
    text = _MADE_SAFE.sub(_joined, cell.removeprefix("'"))
    return text if safe_cell(text) == cell else cell


def _joined(made: re.Match[str]) -> str:
    return made[0] if _SEPARATORS.isdisjoint(made[1]) else made[1]


def _parted(between: re.Match[str]) -> str:
    return between[0] if _SEPARATORS.isdisjoint(between[0]) else f"{between[0]}'"


def csv_lines(header: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """The lines of a file, each with its line end."""
    yield _line(header)
    for row in rows:
        yield _line(row)


def csv_answer(name: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> Response:
    """An answer that streams the file ``name`` (without ending) to be saved.

    The first row is read before anything is sent: an unavailable database does not become a file without rows.

    Raises:
        Unavailable: as reading the first row does.
    """
    further = iter(rows)
    first = list(islice(further, 1))
    lines = chain([BYTE_ORDER_MARK], csv_lines(header, chain(first, further)))
    response = Response(lines, content_type=f"{MEDIA_TYPE}; charset=utf-8; header=present")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    response.headers["Vary"] = "Accept"
    return response


def _line(row: Sequence[object]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer).writerow([safe_cell(cell) for cell in row])
    return buffer.getvalue()


XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CHUNK_BYTES = 64 * 1024
MAX_ROWS = 30_000
"""About 40 MB on disk while it is made: a container has 64 MB. CSV has no bound."""
MAX_CELL_LENGTH = 32_767
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
    from xlsxwriter.exceptions import XlsxFileError

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
    import xlsxwriter  # 2 MB of memory, and few processes ever make a spreadsheet

    workbook = xlsxwriter.Workbook(path, _OPTIONS)
    sheet, bold = workbook.add_worksheet(), workbook.add_format({"bold": True})
    sheet.freeze_panes(1, 0)
    sheet.set_column(0, max(len(header) - 1, 0), 22)
    for column, title in enumerate(header):
        sheet.write_string(0, column, title, bold)
    for number, row in enumerate(rows, 1):
        if number > MAX_ROWS:
            raise DomainError("too-many-rows", f"a spreadsheet has at most {MAX_ROWS:,} rows: use the CSV file")
        for column, value in enumerate(row):
            _write_cell(sheet, number, column, value)
    workbook.close()


def _write_cell(sheet: "Worksheet", row: int, column: int, value: object) -> None:
    if value is None or value == "":
        return
    if isinstance(value, bool):
        sheet.write_string(row, column, "yes" if value else "no")
    elif isinstance(value, int | float):
        sheet.write_number(row, column, value)
    else:
        sheet.write_string(row, column, str(value)[:MAX_CELL_LENGTH])


def _chunks(path: str) -> Iterator[bytes]:
    with open(path, "rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


def _chained(first: bytes, further: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from further
