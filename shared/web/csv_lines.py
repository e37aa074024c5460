"""Lists as CSV (RFC 4180), line by line, so that a long one is never held whole, and made to open in a spreadsheet.

A byte order mark comes first: without it Excel takes UTF-8 for the letters of its own country. Yes and no are words.

A cell that begins like a formula would be run by the spreadsheet of whoever opens the file (OWASP, CSV injection);
such a cell gets an apostrophe before it. Where a semicolon parts the cells of a list, as on most machines in Geneva, a
spreadsheet parts our text there too, whatever its quotes: what begins like a formula after one gets an apostrophe too.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice

from flask import Response, request

MEDIA_TYPE = "text/csv"
BYTE_ORDER_MARK = "\N{ZERO WIDTH NO-BREAK SPACE}"
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What begins a formula in one spreadsheet or another; the wide forms are what East Asian keyboards make."""

_AFTER_A_SEPARATOR = re.compile(rf"""([;\t]["\s]*)(?=[{re.escape("".join(FORMULA_STARTS))}])""")


def wants_csv() -> bool:
    """Whether the caller asks for CSV rather than JSON (``Accept``)."""
    best = request.accept_mimetypes.best_match(["application/json", MEDIA_TYPE], default="application/json")
    return best == MEDIA_TYPE


def safe_cell(value: object) -> str:
    """``value`` as the text of a cell that no spreadsheet takes for a formula; None is empty, true is ``yes``.

    Only text can be a formula: a negative number stays a number.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not isinstance(value, str):
        return str(value)
    text = _AFTER_A_SEPARATOR.sub(r"\1'", value)
    return f"'{text}" if text.lstrip(' "').startswith(FORMULA_STARTS) else text


def csv_lines(header: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """The lines of a file, each with its line end."""
    yield _line(header)
    for row in rows:
        yield _line(row)


def csv_answer(name: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> Response:
    """An answer that streams the file ``name`` (without ending) to be saved.

    The first row is read before anything is said: a database that is away is no file without rows.

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
