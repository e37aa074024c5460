"""Files of people: what is read of them, and what is refused with its line."""

import csv
import io
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from time import process_time

import pytest

from services.registration.forms.standard_forms import standard_form, with_working_groups
from services.registration.importing.cell_reading import (
    CellUnreadable,
    read_day,
    read_instant,
    read_language,
    read_status,
    reader_of,
)
from services.registration.importing.mapping import propose, targets_of, unmapped_statuses
from services.registration.importing.model import (
    MAX_CELL,
    MAX_COLUMNS,
    MAX_ROWS,
    Fate,
    FileRefused,
    PreparedRow,
    RowFault,
)
from services.registration.importing.table_reading import read_table
from services.registration.importing.workbook import MAX_UNPACKED_BYTES, _texts, check_archive
from shared.http.lists import csv_lines
from shared.public_forms.definition import parse_definition, to_mapping

TEXTS = {
    "utf-8": "Name;Mail\nRené Côté;a@example.org\n",
    "utf-8-sig": "Name,Mail\n王,a@example.org\n",
    "utf-16": "Name\tMail\nمحمد\ta@example.org\n",
    "windows-1252": "Nom;Mail\nFrançoise Müller;a@example.org\n",
    "windows-1251": "Имя;Почта\nОльга Петрова;a@example.org\n",
    "windows-1256": "الاسم;Mail\nمحمد علي;a@example.org\n",
    "gb18030": "姓名,Mail\n王小明,a@example.org\n",
}


@pytest.mark.parametrize("encoding", TEXTS)
def test_encoding_and_delimiter_are_found(encoding: str) -> None:
    table = read_table(TEXTS[encoding].encode(encoding))
    assert table.encoding == encoding.removesuffix("-sig")
    assert [line.cells[1] for line in table.lines] == ["a@example.org"]
    assert table.lines[0].cells[0] in TEXTS[encoding]


def test_cells_are_text_and_lines_are_numbered() -> None:
    content = b'a,b,a,\r\n\r\n=1+1,"x\ny",@SUM(A1),1\r\n"he said ""no""",2,3\r\n'
    table = read_table(content)
    assert table.headings == ("a", "b", "a (2)")
    assert [(line.number, line.cells) for line in table.lines] == [
        (3, ("=1+1", "x\ny", "@SUM(A1)", "1")),
        (5, ('he said "no"', "2", "3")),
    ]


def test_our_own_csv_is_read_as_the_text_that_it_was_written_from() -> None:
    cells = ("+41 22 000 00 00", "=1+1", "a;\n-b", "O'Brien", "-3")
    table = read_table("".join(csv_lines(["phone", "-x", "c", "d", "e"], [cells])).encode())
    assert (table.headings, table.lines[0].cells) == (("phone", "-x", "c", "d", "e"), cells)


def packed(*entries: tuple[str, bytes]) -> bytes:
    """An archive."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return buffer.getvalue()


def sheet(content: str) -> bytes:
    """An archive with a sheet."""
    return packed(("xl/worksheets/sheet1.xml", content.encode()))


BAD_CSV: dict[str, tuple[bytes, str]] = {
    "empty": (b"\xef\xbb\xbf \r\n", "The file is empty."),
    "headings alone": (b"name,email\r\n", "headings but no rows"),
    "NUL": (b"name,email\r\nA,a@example.org\r\nB\x00,b@example.org\r\n", "Line 3 contains a NUL"),
    "quotation mark": (b'name,email\r\nA,"a@example.org\r\nB,b@example.org\r\n', "Line 2 cannot be read as CSV"),
    "long cell": (b"name,email\r\nA," + b"x" * (MAX_CELL + 1), "Line 2 has a cell"),
    "10 MB cell": (b"name,email\r\nA," + b"x" * 10_000_000, "Line 2 cannot be read"),
    "columns": (b"a," * 16_384 + b"\n1\n", f"more than {MAX_COLUMNS} columns"),
    "rows": (b"a,b\n" + b"1,2\n" * (MAX_ROWS + 1), f"more than {MAX_ROWS} rows"),
    "old Excel": (b"\xd0\xcf\x11\xe0" + b"x" * 600, "an old Excel"),
    "size": (b"x" * (20 * 2**20 + 1), "larger than 20 MB"),
}


@pytest.mark.parametrize("name", BAD_CSV)
def test_bad_csv_is_refused_with_its_line(name: str) -> None:
    content, reason = BAD_CSV[name]
    with pytest.raises(FileRefused, match=reason):
        read_table(content)


def test_wrong_encoding_is_named_with_its_line() -> None:
    with pytest.raises(FileRefused, match="Line 2 is not valid in UTF-8"):
        read_table("a;b\nRené;1\n".encode("windows-1252"), "utf-8")


BAD_ARCHIVES: dict[str, tuple[Callable[[], bytes], str]] = {
    "no archive": (lambda: b"PK\x03\x04 and nothing", "not an .xlsx spreadsheet"),
    "bomb": (lambda: packed(("xl/worksheets/sheet1.xml", b" " * (MAX_UNPACKED_BYTES + 1))), "Unpacked"),
    "many parts": (lambda: packed(*((f"{number}.xml", b"") for number in range(2001))), "more than 2000 parts"),
    "entities": (lambda: sheet('<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>'), "document type"),
    "far row": (lambda: sheet('<row r="1"><c r="A1048576"/></row>'), "100000 rows"),
    "far column": (lambda: sheet("<row r='1'><c  r = 'XFD1'/></row>"), "80 columns"),
}


@pytest.mark.parametrize("name", BAD_ARCHIVES)
def test_hostile_archive_is_refused_before_it_is_parsed(name: str) -> None:
    make, reason = BAD_ARCHIVES[name]
    with pytest.raises(FileRefused, match=reason):
        check_archive(make())


def test_few_bytes_become_neither_gigabytes_nor_minutes() -> None:
    """One long text can be in every cell; and a sheet of prefixes of rows is read once."""
    assert list(_texts([["a", 1.0, ""], ["", ""]])) == [["a", "1"], []]
    with pytest.raises(FileRefused, match="million characters"):
        list(_texts([["x" * MAX_CELL] * MAX_COLUMNS] * 42))
    began_at = process_time()
    check_archive(sheet("<row " * 60_000))
    assert process_time() - began_at < 2


DAYS = [
    ("2026-05-11", "", date(2026, 5, 11)),
    ("2026-05-11 00:00:00", "", date(2026, 5, 11)),
    ("11.05.2026", "mdy", date(2026, 5, 11)),
    ("5/11/2026", "mdy", date(2026, 5, 11)),
    ("5/11/2026", "dmy", date(2026, 11, 5)),
    ("25/11/2026", "", date(2026, 11, 25)),
    ("11/25/2026", "dmy", date(2026, 11, 25)),
]


@pytest.mark.parametrize(("text", "order", "day"), DAYS)
def test_days(text: str, order: str, day: date) -> None:
    assert read_day(text, order) == day


@pytest.mark.parametrize(
    ("text", "code"), [("5/11/2026", "ambiguous-date"), ("2026-02-30", "bad-date"), ("soon", "bad-date")]
)
def test_days_are_never_guessed(text: str, code: str) -> None:
    with pytest.raises(CellUnreadable) as raised:
        read_day(text, "")
    assert raised.value.code == code


def test_times_statuses_and_languages() -> None:
    times = {"10:00:00 PM GMT+3": 19, "10:00:00 PM EEST": 19, "9:00:00 AM EST": 14, "22:00:00Z": 22}
    assert {one: read_instant(f"2026/09/20 {one}", "") for one in times} == {
        one: datetime(2026, 9, 20, hour, tzinfo=UTC) for one, hour in times.items()
    }
    with pytest.raises(CellUnreadable, match="unknown-zone"):  # of the Atlantic, or of Arabia
        read_instant("2026/09/20 10:00:00 PM AST", "")
    statuses = {
        "Attending": "seat",
        "Waiting list": "wait",
        "canceled": "cancelled",
        "已确认": "seat",
        "ОТОЗВАНО": "cancelled",
    }
    assert {one: read_status(one) for one in statuses} == statuses
    languages = {"fr-CH": "fr", "Russian": "ru", "العربية": "ar", "中文": "zh", "espagnol": "es"}
    assert {one: read_language(one) for one in languages} == languages


def test_choices_are_found_by_value_label_and_table() -> None:
    form = with_working_groups(standard_form("webinar", "x", "X"), [("housing", "Housing")])
    group, country = form.field("working_group"), form.field("country")
    assert [reader_of(group, {"homes": "housing"}, "")(one) for one in ("HOUSING", "housing", "homes", "other")] == [
        *["housing"] * 3,
        "other",
    ]
    assert [reader_of(country, {}, "")(one) for one in ("CH", "Suisse", "Швейцария", "سويسرا", "瑞士")] == ["CH"] * 5


def test_several_choices_are_in_one_cell() -> None:
    mapping = to_mapping(standard_form("webinar", "x", "X"))
    options = [{"value": "a", "label": {"": "Bread, and butter"}}, {"value": "b", "label": {"": "Tea"}}]
    field = {"name": "wants", "kind": "some_of", "label": {"": "Wants"}, "options": options}
    wants = parse_definition({**mapping, "fields": [*mapping["fields"], field]}).field("wants")
    read = reader_of(wants, {}, "")
    assert [read(one) for one in ("Bread, and butter;Tea", "tea", "b, a", "Bread, and butter")] == [
        ["a", "b"],
        ["b"],
        ["b", "a"],
        ["a"],
    ]


EXPORTS = {
    "Google Forms": (
        [
            *("Timestamp", "Email Address", "What is your name?", "Which working group are you in?"),
            *("Preferred language", "Marital status", "Name of your organization"),
        ],
        {
            "Timestamp": "@received_at",
            "Email Address": "email",
            "What is your name?": "name",
            "Which working group are you in?": "working_group",
            "Preferred language": "language",
        },
    ),
    "Eventbrite": (
        ["Order #", "Order Date", "First Name", "Surname", "Email", "Ticket Type", "Attendee Status"],
        {
            "Order Date": "@received_at",
            "First Name": "name",
            "Surname": "name",
            "Email": "email",
            "Attendee Status": "@status",
        },
    ),
    "pretix": (
        ["Order code", "Position ID", "Status", "Email", "Attendee name", "Attendee email", "Company", "Order locale"],
        {
            "Status": "@status",
            "Attendee name": "name",
            "Attendee email": "email",
            "Company": "organisation",
            "Order locale": "language",
        },
    ),
    "Indico": (
        ["ID", "Name", "Email Address", "Affiliation", "Registration date", "Registration state", "Checked in"],
        {
            "Name": "name",
            "Email Address": "email",
            "Affiliation": "organisation",
            "Registration date": "@received_at",
            "Registration state": "@status",
        },
    ),
    "Zoom": (
        ["First Name", "Last Name", "Email", "State/Province", "Organization", "Registration Time", "Approval Status"],
        {
            "First Name": "name",
            "Last Name": "name",
            "Email": "email",
            "Organization": "organisation",
            "Approval Status": "@status",
        },
    ),
}


@pytest.mark.parametrize("name", EXPORTS)
def test_exports_are_recognised(name: str) -> None:
    headings, columns = EXPORTS[name]
    form = standard_form("webinar", "x", "X")
    proposal = propose(headings, form, None)
    assert (proposal.source, proposal.mapping.columns) == (name, columns)
    assert set(columns.values()) <= set(targets_of(form))


def test_heading_that_may_state_who_was_accepted_and_is_left_out_is_named() -> None:
    headings = ["E-mail", "Name", "Approval", "Estado de la inscripción", "État", "Статус заявки", "حالة التسجيل",
                "报名状态", "State/Province", "Statement", "Country"]  # fmt: skip
    mapping = propose(headings, standard_form("webinar", "x", "X"), None).mapping
    assert unmapped_statuses(headings, mapping) == tuple(headings[2:8])
    mapped = replace(mapping, columns={**mapping.columns, "Approval": "@status"})
    assert unmapped_statuses(headings, mapped) == tuple(headings[3:8])


ZOOM = """\ufeffWebinar Registration Report
Report Generated:,"Mar 1, 2021 10:00 AM"
Topic,Webinar ID,Scheduled Time,Duration (minutes),# Registered,# Cancelled,# Approved,# Denied
Housing,812 3456 7890,"Mar 4, 2021 06:00 PM",60,4,1,1,1

Attendee Details
First Name,Last Name,Email,Registration Time,Approval Status
Ana,Silva,ana@example.org,"Feb 20, 2021 01:02 PM",approved
"""


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_rows_before_the_headings_of_a_report_are_left_out(delimiter: str) -> None:
    rows = list(csv.reader(io.StringIO(ZOOM)))
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows(rows)
    table = read_table(text.getvalue().encode())
    assert (table.headings[:3], table.delimiter) == (("First Name", "Last Name", "Email"), delimiter)
    assert [(line.number, line.cells[2]) for line in table.lines] == [(8, "ana@example.org")]


def test_row_of_a_person_is_never_taken_for_the_headings() -> None:
    table = read_table(b"Who,Where,Contact\nEve,eve@example.org,Name\nBob,Email,Name\nAmy,amy@example.org,Email\n")
    assert (table.headings, len(table.lines)) == (("Who", "Where", "Contact"), 3)


def test_refused_row_shows_the_cells_of_the_refusal_first() -> None:
    cells = ("a@example.org", "", "", "Ana", "Silva", "Atlantis", "x", "y")
    faults = (
        RowFault("Where", "not-a-choice", "This is not one of the choices.", ("Atlantis",), (5,)),
        RowFault("First, Last", "too-long", "Too long.", places=(3, 4)),
        RowFault("Group", "required", "Required.", places=(2,)),
        RowFault("", "extra-cells", "More cells than headings."),
    )
    row = PreparedRow(7, Fate.REFUSED, cells=cells, faults=faults)
    assert row.shown_cells() == [
        ("Where", "Atlantis"),
        ("First, Last", "Ana Silva"),
        ("Group", ""),
        ("", "a@example.org"),
        ("", "x"),
        ("", "y"),
    ]
    assert replace(row, cells=()).shown_cells() == []
