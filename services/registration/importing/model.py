"""Values of an import: the table that was read, the mapping of its columns, and what becomes of each row."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

MAX_FILE_BYTES = 20 * 1024 * 1024
MAX_ROWS = 100_000
MAX_COLUMNS = 80
MAX_CELL = 20_000
"""Characters of one cell: the longest answer of a form."""

MAX_HEADING = 300
MAX_SHOWN = 3
"""Cells of a refused row that a page names, and further cells that identify the person."""

BATCH_ROWS = 400
"""Rows that are stored, and later registered, together: about 0.1 s, so that people who register beside it wait no
longer."""

STATUS, RECEIVED_AT, LANGUAGE, TIME_ZONE = "@status", "@received_at", "@language", "@time_zone"
"""What a column can be besides the answer to a question."""

OWN_TARGETS = (STATUS, RECEIVED_AT, LANGUAGE, TIME_ZONE)


SAME_ADDRESS = "same-address"
"""In place of a fate, in counts and filters: rows that register an address for a further person."""


class FileRefused(ValueError):
    """The file cannot be read as a table; the text states the reason and the place.

    Attributes:
        code: the code of the reason.
    """

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code


@dataclass(frozen=True, slots=True)
class FileLine:
    """One row of a file: the line (CSV) or row (spreadsheet) at which it begins, and its cells."""

    number: int
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FileTable:
    """A file that was read.

    Attributes:
        headings: the headings of the columns, each once.
        encoding: the encoding of a CSV file; empty for a spreadsheet.
        delimiter: the delimiter of a CSV file; empty for a spreadsheet.
    """

    headings: tuple[str, ...]
    lines: tuple[FileLine, ...]
    encoding: str = ""
    delimiter: str = ""


@dataclass(frozen=True, slots=True)
class ColumnMapping:
    """The meaning of each column.

    Attributes:
        columns: the target by heading: the name of a question or one of ``OWN_TARGETS``; headings without one are left
            out.
        values: the choice that the text of a cell means, by question and text.
        date_order: ``dmy`` or ``mdy`` for days written with slashes; empty if they must not be guessed.
        language: the language of people whose row names none.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    date_order: str = ""
    language: str = "en"

    def headings_of(self, target: str) -> tuple[str, ...]:
        """The columns that hold ``target``, in the order of the file."""
        return tuple(heading for heading, column_target in self.columns.items() if column_target == target)


class Fate(StrEnum):
    """What an import does with a row, or has done."""

    CONFIRMED = "confirmed"
    WAITLISTED = "waitlisted"
    SAME = "same"
    CHANGED = "changed"
    DUPLICATE = "duplicate"
    LEFT_OUT = "left-out"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class RowFault:
    """Why a row is refused or left out: the heading of the column (empty if it is about none), a code and a sentence.

    ``texts`` are those of a cell that are none of the choices of its question; ``places``: of the cells in the row.
    """

    heading: str
    code: str
    reason: str
    texts: tuple[str, ...] = ()
    places: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class PreparedRow:
    """A row as it is stored between the dry run and the import.

    Attributes:
        line: the number of the line in the file.
        fate: the fate that the dry run has determined.
        content: the JSON value of :func:`services.registration.intake.model.content_to_json`; None if nothing is
            written.
        fields: the names of the clear answers that the row gives.
        received_at: the time of the registration, RFC 3339; empty for the time of the import.
        waits: whether the person is on the waiting list according to the file.
        cells: the cells of a row that is refused, for the file of refused rows, or left out.
        faults: why it is refused or left out.
        changes: the names of the answers that differ from those of the registration.
        twin: the line of the row that it repeats; 0 for none.
        address_registered: whether the dry run found that the row registers a further person with an address that has a
            registration already.
        address_line: the line of an earlier row with the same address and another person, by the dry run; 0 for none.
    """

    line: int
    fate: Fate
    content: dict[str, Any] | None = None
    fields: tuple[str, ...] = ()
    received_at: str = ""
    waits: bool = False
    cells: tuple[str, ...] = ()
    faults: tuple[RowFault, ...] = ()
    changes: tuple[str, ...] = ()
    twin: int = 0
    address_registered: bool = False
    address_line: int = 0

    @property
    def same_address(self) -> bool:
        """Whether it registers an address for a further person, or for the same one under another name."""
        return self.address_registered or self.address_line > 0

    def is_among(self, rows: str) -> bool:
        """Whether it is one of the rows that a filter names: of a fate, ``SAME_ADDRESS``, or all if it is empty."""
        return rows in ("", self.fate) or (rows == SAME_ADDRESS and self.same_address)

    def shown_cells(self) -> list[tuple[str, str]]:
        """(heading, text) of the refused cells, then the first other non-empty cells, without headings."""
        faulty = {fault.places: fault.heading for fault in self.faults if fault.places and self.cells}
        named = [(heading, " ".join(self.cells[at] for at in places)) for places, heading in faulty.items()]
        of_faults = {at for places in faulty for at in places}
        others = [text for at, text in enumerate(self.cells) if at not in of_faults and text.strip()]
        return [*named[:MAX_SHOWN], *(("", text) for text in others[:MAX_SHOWN])]


def count_fates(rows: Iterable[PreparedRow]) -> dict[str, int]:
    """Return how many rows have each fate."""
    return dict(Counter(row.fate.value for row in rows))


@dataclass(frozen=True, slots=True)
class ImportChoice:
    """What a coordinator has chosen when confirming.

    Attributes:
        seats: ``as-possible``, or ``waiting-list`` for all who are new.
        mail: whether each person gets a mail with their link.
        changes: whether the answers of people who are registered already are changed.
        reason: how these people have agreed, and why they are imported.
    """

    seats: str = "as-possible"
    mail: bool = True
    changes: bool = True
    reason: str = ""


@dataclass(frozen=True, slots=True)
class PeopleImport:
    """An import of people from a file.

    Attributes:
        state: ``uploaded``, ``checked``, ``running``, ``done``, ``cancelled`` or ``failed``.
        revision: the number of its changes.
        seen_form: the state of the form when the rows were checked: its revision, and whether it takes place.
        rows: the number of rows in the file.
        expected: the number of rows by fate, by the dry run.
        same_address: the number of rows that register an address for a further person, by the dry run.
        counts: the number of rows by fate that have been processed so far.
        mapping: the mapping of its columns; empty before there is one.
    """

    id: str
    form: str
    state: str
    revision: int
    seen_form: str
    rows: int
    expected: Mapping[str, int]
    same_address: int
    counts: Mapping[str, int]
    choice: ImportChoice
    mapping: Mapping[str, Any]
    created_at: datetime
    created_by: str
    confirmed_by: str | None
    finished_at: datetime | None
    failure: str | None

    @property
    def done_rows(self) -> int:
        """Number of rows that the import has processed."""
        return sum(self.counts.values())
