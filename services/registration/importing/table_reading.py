"""Reads a file of people as a table.

A cell is text and nothing else: text that begins like a formula stays unchanged and is never evaluated. CSV is read in
the encodings and with the delimiters that are in use, a spreadsheet by ``workbook``. The apostrophes by which our own
CSV files keep a spreadsheet from taking text for a formula are removed.
"""

import csv
import io
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain, islice

from services.registration.importing.headings import are_headings
from services.registration.importing.model import (
    MAX_CELL,
    MAX_COLUMNS,
    MAX_FILE_BYTES,
    MAX_HEADING,
    MAX_ROWS,
    FileLine,
    FileRefused,
    FileTable,
)
from services.registration.importing.workbook import read_workbook
from shared.http.lists import original_cell

ENCODINGS = {
    "utf-8": "UTF-8",
    "utf-16": "UTF-16",
    "windows-1252": "Windows-1252 (Western European)",
    "windows-1251": "Windows-1251 (Cyrillic)",
    "windows-1256": "Windows-1256 (Arabic)",
    "gb18030": "GB 18030 (Chinese)",
}
"""Encodings of a CSV that can be chosen, and their names."""

DELIMITERS = {",": "Comma", ";": "Semicolon", "\t": "Tab", "|": "Vertical bar"}
_LEGACY = {"gb18030": "CJK", "windows-1251": "CYRILLIC", "windows-1256": "ARABIC", "windows-1252": "LATIN"}
_SAMPLE = 64 * 1024
MAX_PREAMBLE = 20
"""Rows before the headings."""

_ZIP = b"PK\x03\x04"
_OLD_EXCEL = b"\xd0\xcf\x11\xe0"


def read_table(data: bytes, encoding: str = "", delimiter: str = "") -> FileTable:
    """Return the table in a file.

    Args:
        data: the content of the file.
        encoding: one of ``ENCODINGS``; detected if empty.
        delimiter: one of ``DELIMITERS``; detected if empty.

    Raises:
        FileRefused: it is no table, or too large, with the line.
    """
    if len(data) > MAX_FILE_BYTES:
        raise FileRefused("too-large", f"The file is larger than {MAX_FILE_BYTES // 2**20} MB.")
    if not data.strip(b"\x00\t\r\n \xef\xbb\xbf\xff\xfe"):
        raise FileRefused("empty", "The file is empty.")
    if data.startswith(_OLD_EXCEL):
        raise FileRefused(
            "unreadable", "This is an old Excel file (.xls), or it has a password. Save it as .xlsx or CSV."
        )
    if data.startswith(_ZIP):
        return _to_table(enumerate(read_workbook(data), 1))
    used = encoding or find_encoding(data)
    text = _decoded(data, used)
    parted = delimiter or find_delimiter(text)
    table = _to_table(_csv_rows(text, parted))
    return FileTable(table.headings, table.lines, used, parted)


def find_encoding(data: bytes) -> str:
    """Return the encoding of a CSV: by its byte order mark, as UTF-8, or the one with the most plausible words."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    try:
        data.decode()
    except UnicodeDecodeError:
        sample = data[:_SAMPLE].rpartition(b"\n")[0] or data[:_SAMPLE]
        return max(_LEGACY, key=lambda name: _likeness(sample, name))
    return "utf-8"


def _likeness(sample: bytes, encoding: str) -> float:
    """The share of words with letters beyond ASCII that a writer of this encoding would write: in one script."""
    try:
        text = sample.decode(encoding)
    except UnicodeDecodeError:
        return 0.0
    words = [word for word in _words(text) if not word.isascii()]
    good = sum(_fits(word, _LEGACY[encoding]) for word in words)
    return good / len(words) if words else 0.0


def _words(text: str) -> Iterable[str]:
    return "".join(sign if sign.isalpha() or ord(sign) > 127 else " " for sign in text).split()


def _fits(word: str, script: str) -> bool:
    letters = [sign for sign in word if not sign.isascii()]
    if not all(unicodedata.name(sign, "").startswith(script) and sign.isalpha() for sign in letters):
        return False
    if script == "LATIN":  # accents are the exception in a word
        return len(letters) * 2 <= len(word)
    if script == "CJK":
        return all("\u4e00" <= sign <= "\u9fff" and len(sign.encode("gb2312", "ignore")) == 2 for sign in letters)
    return len(letters) == len(word) and (script == "ARABIC" or word[1:] == word[1:].lower() or word.isupper())


def _decoded(data: bytes, encoding: str) -> str:
    codec = {"utf-8": "utf-8-sig"}.get(encoding, encoding)
    try:
        text = data.decode(codec)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise FileRefused(
            "wrong-encoding", f"Line {line} is not valid in {ENCODINGS[encoding]}: choose another encoding."
        ) from None
    if "\x00" in text:
        line = text[: text.index("\x00")].count("\n") + 1
        raise FileRefused("control-characters", f"Line {line} contains a NUL character: this is not a CSV file.")
    return text


def find_delimiter(text: str) -> str:
    """Return what parts the cells: that which makes the most cells in lines of the same number of columns."""
    sample = text[:_SAMPLE]

    def cells(delimiter: str) -> int:
        rows = []
        try:
            for row in csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter):
                rows.append(len(row))
                if len(rows) == 20:
                    break
        except csv.Error:
            return 0
        return max((count * (width - 1) for width, count in Counter(rows).items()), default=0)

    return max(DELIMITERS, key=cells)


def _csv_rows(text: str, delimiter: str) -> Iterable[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    number = 1
    try:
        for row in reader:
            if any(len(cell) > MAX_CELL for cell in row):
                raise FileRefused("cell-too-long", f"Line {number} has a cell of more than {MAX_CELL} characters.")
            yield number, [original_cell(cell) for cell in row]
            number = reader.line_num + 1
    except csv.Error:
        raise FileRefused("unreadable", f"Line {number} cannot be read as CSV: check its quotation marks.") from None


def _to_table(rows: Iterable[tuple[int, Sequence[str]]]) -> FileTable:
    filled = ((number, row) for number, row in rows if any(cell.strip() for cell in row))
    beginning = list(islice(filled, MAX_PREAMBLE + 1))
    if not beginning:
        raise FileRefused("empty", "The file is empty.")
    head = _preamble(beginning)
    headings = _headings(beginning[head][1])
    lines: list[FileLine] = []
    for number, row in chain(beginning[head + 1 :], filled):
        if len(lines) == MAX_ROWS:
            raise FileRefused("too-many-rows", f"The file has more than {MAX_ROWS} rows.")
        lines.append(FileLine(number, _cells(row, len(headings))))
    if not lines:
        raise FileRefused("empty", "The file has headings but no rows.")
    return FileTable(headings, tuple(lines))


def _preamble(beginning: Sequence[tuple[int, Sequence[str]]]) -> int:
    """The number of rows before the headings, as reports have them: a title, when they were made, totals.

    The first row contains the headings unless a later one does, and no row up to there contains an address.
    """
    for position, (_, row) in enumerate(beginning):
        if are_headings(row):
            return position
        if any("@" in cell for cell in row):
            return 0
    return 0


def _cells(row: Sequence[str], width: int) -> tuple[str, ...]:
    """As many cells as there are headings. Further non-empty cells are kept, so that the row is refused."""
    cells = list(row)
    while len(cells) > width and not cells[-1].strip():
        cells.pop()
    return tuple(cells + [""] * (width - len(cells)))


def _headings(row: Sequence[str]) -> tuple[str, ...]:
    names = [" ".join(cell.split())[:MAX_HEADING] for cell in row]
    while names and not names[-1]:
        names.pop()
    if len(names) > MAX_COLUMNS:
        raise FileRefused("too-many-columns", f"The file has more than {MAX_COLUMNS} columns.")
    found: list[str] = []
    for position, name in enumerate(names, 1):
        wanted, count = name or f"Column {position}", 1
        while wanted in found:
            count += 1
            wanted = f"{name or 'Column'} ({count})"
        found.append(wanted)
    return tuple(found)
