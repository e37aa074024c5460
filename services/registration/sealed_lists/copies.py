"""A list of sealed answers as CSV and xlsx, with a watermark: who took it, for what, when, until when.

Neither file is ever written to our disks: CSV is streamed, the workbook is made in memory.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from io import BytesIO
from typing import TYPE_CHECKING

from flask import Response

from services.registration.sealed_lists.purposes import CountTable
from services.registration.sealed_lists.store import Contents, ListEntry
from shared.http.headers import personal
from shared.http.lists import MEDIA_TYPE, csv_answer, safe_cell
from shared.i18n.when import compact_instant

if TYPE_CHECKING:
    from xlsxwriter import Workbook
    from xlsxwriter.worksheet import Worksheet

CSV, XLSX = "csv", "xlsx"
KINDS = (CSV, XLSX)
XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MAX_HEADER = 255
"""Characters that a spreadsheet's page header holds."""

_NO_LINKS = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False, "in_memory": True}
_PEOPLE = ("Name", "Organisation", "Working group")


def watermark(contents: Contents, who: str, now: datetime) -> list[str]:
    """Return the lines that every copy of a list carries.

    Args:
        contents: the contents of the list.
        who: the name of the person who takes the copy.
        now: the time of the copy.
    """
    opened = contents.opened
    return [
        f"{contents.purpose.title}: {contents.form_title}",
        f"Confidential. Taken by {who} on {compact_instant(now)}",
        f"Delete by {compact_instant(opened.expires_at)}. Reason: {opened.reason}",
    ]


def file_of(contents: Contents, kind: str, who: str, now: datetime) -> Response:
    """Return a list as a file to be saved.

    Args:
        contents: the contents of the list.
        kind: one of ``KINDS``.
        who: the name of the person who takes the copy.
        now: the time of the copy.
    """
    lines, name = watermark(contents, who, now), _name(contents, who, now)
    if kind == XLSX:
        response = Response(_workbook(contents, lines), content_type=XLSX_TYPE)
        response.headers["Content-Disposition"] = f'attachment; filename="{name}.xlsx"'
        return personal(response)
    response = csv_answer(name, lines[:1], _csv_rows(contents, lines[1:]))
    response.headers["Content-Type"] = f"{MEDIA_TYPE}; charset=utf-8; header=absent"
    return personal(response)


def header_of(contents: Contents) -> list[str]:
    """Return the titles of the columns."""
    return [*_PEOPLE, *(field.label.in_language("en") for field in contents.fields)]


def row_of(contents: Contents, entry: ListEntry) -> list[object]:
    """Return the cells of one person."""
    answers = entry.answers or {}
    given = [
        None if field.name not in answers else field.kind.cell(field, answers[field.name]) for field in contents.fields
    ]
    return [entry.name, entry.organisation, entry.working_group, *given]


def _csv_rows(contents: Contents, lines: Sequence[str]) -> Iterator[Sequence[object]]:
    for line in lines:
        yield [line]
    if contents.entries:
        yield []
        yield header_of(contents)
        for entry in contents.entries:
            yield row_of(contents, entry)
        return
    for table in contents.counts:
        yield []
        yield [table.title]
        yield [words for _, words in table.columns]
        yield from table.rows


def _workbook(contents: Contents, lines: Sequence[str]) -> bytes:
    from xlsxwriter import Workbook

    file = BytesIO()
    workbook = Workbook(file, _NO_LINKS)
    if contents.entries:
        rows: list[Sequence[object]] = [header_of(contents)]
        rows += [row_of(contents, entry) for entry in contents.entries]
        _sheet(workbook, "List", lines, [rows])
    _sheet(workbook, "Numbers", lines, [_table(table) for table in contents.counts])
    workbook.close()
    return file.getvalue()


def _sheet(workbook: "Workbook", name: str, lines: Sequence[str], tables: Sequence[Sequence[Sequence[object]]]) -> None:
    """One sheet: the watermark above, and on each printed page."""
    sheet, bold = workbook.add_worksheet(name), workbook.add_format({"bold": True})
    printed = [line.replace("&", "&&") for line in lines]
    sheet.set_header(f"&L{printed[0]}"[:MAX_HEADER])
    sheet.set_footer(f"&L{printed[1]}"[: MAX_HEADER // 2] + f"&R{printed[2]}"[: MAX_HEADER // 2])
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
    sheet.set_column(0, 40, 22)
    at = 0
    for line in lines:
        sheet.write_string(at, 0, safe_cell(line), bold)
        at += 1
    for rows in tables:
        at += 1
        for number, row in enumerate(rows):
            _write(sheet, at, row, bold if number == 0 else None)
            at += 1


def _write(sheet: "Worksheet", at: int, row: Sequence[object], style: object) -> None:
    for column, value in enumerate(row):
        if isinstance(value, int | float) and not isinstance(value, bool):
            sheet.write_number(at, column, value, style)
        elif value is not None:
            sheet.write_string(at, column, safe_cell(value), style)


def _table(table: CountTable) -> list[Sequence[object]]:
    return [[words for _, words in table.columns], *table.rows]


def _name(contents: Contents, who: str, now: datetime) -> str:
    """Purpose, form, exporter and time, in letters that every header and disk takes."""
    taken_by = re.sub(r"[^a-z0-9]+", "-", who.casefold()).strip("-")[:40] or "reader"
    return f"sealed-{contents.opened.purpose}-{contents.opened.form}-{taken_by}-{now:%Y%m%dT%H%MZ}"
