"""Reads a folder of YAML files whole. It opens no database and publishes nothing."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from services.events.event.model import EVERY_GROUP
from services.events.loading.moving import Loaded
from services.events.loading.rows import row_schemas
from shared.runtime.errors import SettingsError
from shared.runtime.yaml_source import Node, load_from, read_yaml, repeated

FILES = ("series.yaml", "working-groups.yaml", "events.yaml", "consultations.yaml")
"""Files that a folder must contain."""

OPTIONAL_FILES = ("resources.yaml", "hotels.yaml", "group-contacts.yaml")
"""Files that it may also contain."""

FORMS_FILE = "forms.yaml"
"""Registration's file; if it exists, events may name only forms in it."""

REFERENCES = (
    ("events.yaml", "series", "series.yaml"),
    ("events.yaml", "asked_groups", "working-groups.yaml"),
    ("events.yaml", "form", FORMS_FILE),
    ("consultations.yaml", "working_group", "working-groups.yaml"),
    ("group-contacts.yaml", "working_group", "working-groups.yaml"),
    ("resources.yaml", "series", "series.yaml"),
    ("resources.yaml", "event", "events.yaml"),
)
"""Fields with names, or lists of names, of what another file holds."""

Rows = Sequence[Node]
Files = Mapping[str, Rows | None]
"""The rows of each file; None for one that cannot be read: others are not blamed for it."""


def read_folder(path: Path) -> Loaded:
    """The content of ``series.yaml``, ``working-groups.yaml``, ``events.yaml`` and ``consultations.yaml`` in ``path``,
    and of ``resources.yaml``, ``hotels.yaml`` and ``group-contacts.yaml`` if they are there.

    Args:
        path: the folder; other files in it belong to other services and are ignored.

    Raises:
        SettingsError: with every fault of all files, ``events.yaml:14: starts: …``. The rules of a row are checked
            once each of its fields can be read.
    """
    faults: list[str] = []
    files: dict[str, Rows | None] = {name: _rows(path / name, faults) for name in FILES}
    files |= {name: _rows(path / name, faults) if (path / name).exists() else () for name in OPTIONAL_FILES}
    values = {
        name: tuple(load_from(row, schema, faults) for row in files[name] or ())
        for name, schema in row_schemas().items()
    }
    forms = path / FORMS_FILE  # its own faults are registration's to report
    faults += _faults_between({**files, FORMS_FILE: _rows(forms, []) if forms.exists() else None})
    if faults:
        raise SettingsError(sorted(faults, key=_place))
    return Loaded(*(values[name] for name in (*FILES, *OPTIONAL_FILES)))


def _place(fault: str) -> tuple[int, int]:
    """Sort key of a fault: file, then line."""
    name, line = fault.split(":")[:2]
    return (*FILES, *OPTIONAL_FILES).index(name), int(line) if line.isdigit() else 0


def _rows(path: Path, faults: list[str]) -> Rows | None:
    """The rows of one file; None if it cannot be read, which is noted."""
    try:
        node = read_yaml(path, list)
    except SettingsError as error:
        faults.extend(error.problems)
        return None
    return node.children()


def _faults_between(files: Files) -> Iterator[str]:
    """Names that are used twice or that another file does not have."""
    for name in (*FILES, *OPTIONAL_FILES):
        yield from repeated(files[name] or (), "id")
    yield from repeated(files["events.yaml"] or (), "series", "series_number")
    for file, key, other in REFERENCES:
        if (known := files[other]) is not None:
            yield from _unknown(files[file] or (), key, other, _ids(known))
    yield from _published_too_early(files["resources.yaml"] or (), files["events.yaml"] or ())


def _unknown(rows: Rows, key: str, other: str, known: Collection[str]) -> Iterator[str]:
    """Names under ``key`` that are not among the ``known`` ones of the file ``other``."""
    for row in rows:
        value = row.get(key)
        named = enumerate(value) if isinstance(value, list) else [(None, value)]
        for index, name in named:
            if isinstance(name, str) and name not in known and name != EVERY_GROUP:
                yield row.fault(f"{name[:80]!r} is not in {other}", key, *(() if index is None else (index,)))


def _published_too_early(resources: Rows, events: Rows) -> Iterator[str]:
    """Public resources of events that are not."""
    drafts = _ids([row for row in events if row.get("status") == "draft"])
    internal = _ids([row for row in events if row.get("internal") is True])
    for row in resources:
        name = row.get("event")
        if row.get("published") is True and name in drafts:
            yield row.fault("must wait until its event is announced", "published")
        elif row.get("published") is True and name in internal:
            yield row.fault("must not be: its event is internal", "published")


def _ids(rows: Rows) -> frozenset[str]:
    """The names of rows, also of those with other faults, so that one fault does not cause others."""
    names = (row.get("slug" if row.file == FORMS_FILE else "id") for row in rows)
    return frozenset(name for name in names if isinstance(name, str))
