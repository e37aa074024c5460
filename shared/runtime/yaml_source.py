"""YAML files written manually, and their marshmallow schemas: every fault names file, line and field.

Deliberately less than YAML: no anchors, aliases, tags or merge keys (a small file must not grow into a large
one), no duplicate keys, one document. Plain words mean what they mean on paper: ``no`` and ``2020-03-04 14:00``
are text; only ``true``, ``false``, ``null`` and whole numbers are more. A file is read whole or not at all.

The events of PyYAML's parser are read here, not its nodes: ``yaml.compose`` has an explicit tag no longer, gives an
aliased node twice, and loses the faults before a syntax error.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import marshmallow as ma
import yaml

from shared.runtime.errors import SettingsError
from shared.runtime.schema_fields import Place, faults_in

LIMIT_BYTES = 512 * 1024
"""Larger than any file written manually; the parser needs about a second for it."""
LIMIT_DEPTH = 24
_WHOLE = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})")
_TAB = re.compile(r" *\t")
_WORDS = {"": None, "~": None, "null": None, "true": True, "false": False}
_KINDS: Mapping[type, str] = {list: "a list", dict: "a mapping of keys to values"}
_PLAIN: Mapping[str, str] = {
    "Missing data for required field.": "is required",
    "Field may not be null.": "is required",
    "Not a valid string.": "must be a text (put it in quotes)",
    "Not a valid boolean.": "must be true or false",
    "Not a valid integer.": "must be a whole number",
    "Not a valid date.": "must be an existing day such as 2020-05-06",
    "Not a valid list.": "must be a list",
    "Invalid input type.": "must be a mapping of keys to values",
    "Unknown field.": "is not known here",
}
"""Marshmallow's messages, in words for the author of a file."""


@dataclass(frozen=True, slots=True)
class Node:
    """A value of a file (``data``: dict, list, str, int, bool or None) that knows its location."""

    file: str
    data: Any
    lines: Mapping[Place, int] = field(repr=False, compare=False)
    place: Place = ()

    def line_of(self, place: Place = ()) -> int:
        """The line, from 1, of the key or list item at ``place`` below this node, or of what encloses it."""
        whole = self.place + place
        return next((self.lines[whole[:n]] for n in range(len(whole), -1, -1) if whole[:n] in self.lines), 1)

    def child(self, step: str | int) -> "Node":
        """The node one key or one index further down, which must exist."""
        return Node(self.file, self.data[step], self.lines, (*self.place, step))

    def children(self) -> "list[Node]":
        """The items of a list."""
        return [self.child(index) for index in range(len(self.data))]

    def get(self, key: str) -> Any:
        """The value of a key; None if there is none, or this is no mapping."""
        return self.data.get(key) if isinstance(self.data, dict) else None

    def fault(self, message: str, *place: str | int) -> str:
        """``events.yaml:14: starts: <message>`` for the value at ``place``; ``/starts: <message>`` without a file."""
        if not self.file:
            return f"{''.join(f'/{step}' for step in self.place + place) or '/'}: {message}"
        name = next((f"{step}: " for step in reversed(self.place + place) if isinstance(step, str)), "")
        return f"{self.file}:{self.line_of(place)}: {name}{message}"


def read_yaml(path: Path, top: type[list[Any]] | type[dict[str, Any]]) -> Node:
    """The content of the file ``path``, whose top level must be a ``top`` (``list`` or ``dict``).

    Raises:
        SettingsError: the file cannot be read or is not such a file; lists every fault that was found.
    """
    text = _text_of(path)
    if tabs := [n for n, line in enumerate(text.split("\n"), start=1) if _TAB.match(line)]:
        raise SettingsError([f"{path.name}:{n}: begins with a tab; indent with spaces" for n in tabs])
    builder = _Builder(path.name)
    try:
        data = builder.document(yaml.parse(text, Loader=yaml.SafeLoader))
    except yaml.MarkedYAMLError as error:
        line = _line(error.problem_mark or error.context_mark)
        raise SettingsError([*builder.faults, f"{path.name}:{line}: {error.problem}"]) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise SettingsError([f"{path.name}:{line}: holds a control character"]) from None
    if not isinstance(data, top):
        builder.faults.append(f"{path.name}:1: the file must be {_KINDS[top]}")
    if builder.faults:
        raise SettingsError(builder.faults)
    return Node(path.name, data, builder.lines)


def _text_of(path: Path) -> str:
    """The file as text; every way in which it cannot be had is a SettingsError."""
    if not path.is_file():
        raise SettingsError([f"{path.name}: does not exist or is not a file"])
    try:
        with path.open("rb") as stream:
            content = stream.read(LIMIT_BYTES + 1)
    except OSError as error:
        raise SettingsError([f"{path.name}: cannot be read: {error.strerror}"]) from None
    if len(content) > LIMIT_BYTES:
        raise SettingsError([f"{path.name}: is larger than {LIMIT_BYTES} bytes"])
    try:
        return content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise SettingsError([f"{path.name}:{line}: is not UTF-8 text"]) from None


class _Builder:
    """Converts the parser's stream to plain data, noting the line of every key and item."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._events: Iterator[yaml.Event] = iter(())
        self.lines: dict[Place, int] = {}
        self.faults: list[str] = []

    def document(self, events: Iterator[yaml.Event]) -> Any:
        """The data of the only document; None for an empty file."""
        self._events = events
        data = None
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                if self.lines:
                    self._fault(event, "only one document may stand in the file")
                    break
                data = self._value(next(events), ())
        return data

    def _fault(self, event: yaml.Event, message: str) -> None:
        self.faults.append(f"{self._file}:{_line(event.start_mark)}: {message}")

    def _value(self, event: yaml.Event, place: Place) -> Any:
        self.lines.setdefault(place, _line(event.start_mark))
        if len(place) > LIMIT_DEPTH:
            self._fault(event, "is nested too deeply")
            raise SettingsError(self.faults)
        if getattr(event, "anchor", None):
            self._fault(event, "anchors (&) and aliases (*) are not allowed; quote a text that has them")
        if getattr(event, "tag", None):
            self._fault(event, "tags (!) are not allowed")
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(place)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(place)
        return _scalar(event) if isinstance(event, yaml.ScalarEvent) else None

    def _sequence(self, place: Place) -> list[Any]:
        items: list[Any] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            items.append(self._value(event, (*place, len(items))))
        return items

    def _mapping(self, place: Place) -> dict[str, Any]:
        content: dict[str, Any] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self._key(event, place)
            if key in content:
                self._fault(event, f"{key}: stands twice, first in line {self.lines[*place, key]}")
            self.lines.setdefault((*place, key), _line(event.start_mark))
            value = self._value(next(self._events), (*place, key))
            content.setdefault(key, value)
        return content

    def _key(self, event: yaml.Event, place: Place) -> str:
        if not isinstance(event, yaml.ScalarEvent):
            self._fault(event, "a key must be a word")
            self._value(event, (*place, ""))
            return ""
        if event.value == "<<":
            self._fault(event, "merge keys (<<) are not allowed")
        return str(event.value)


def _line(mark: Any) -> int:
    """The line, from 1, of a mark of the parser; 1 if it has none."""
    return mark.line + 1 if mark else 1


def _scalar(event: yaml.ScalarEvent) -> str | int | bool | None:
    """Text, unless it is unquoted and one of the few words and numbers that mean more."""
    text = str(event.value)
    if event.style is not None:
        return text
    if text in _WORDS:
        return _WORDS[text]
    return int(text) if _WHOLE.fullmatch(text) else text


class FileSchema(ma.Schema):
    """A mapping in a file. White space at the ends of a text does not count, and ``null`` is as good as nothing."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._known = frozenset(field.data_key or name for name, field in self.load_fields.items())
        self.error_messages["unknown"] = f"is not known here; known are {', '.join(sorted(self._known))}"

    @ma.pre_load
    def _tidy(self, data: Any, **_more: Any) -> Any:
        if not isinstance(data, dict):
            return data
        return {key: _stripped(value) for key, value in data.items() if value is not None or key not in self._known}


def _stripped(value: Any) -> Any:
    if isinstance(value, list):
        return [_stripped(item) for item in value]
    return value.strip() if isinstance(value, str) else value


def load_from(node: Node, schema: ma.Schema, faults: list[str]) -> Any:
    """What ``schema`` makes of the value at ``node``; None if it refuses it, with every fault added to ``faults``."""
    try:
        return schema.load(node.data)
    except ma.ValidationError as error:
        found = sorted(faults_in(error.messages), key=lambda fault: (node.line_of(fault[0]), _order(fault[0])))
        faults.extend(dict.fromkeys(node.fault(_PLAIN.get(message, message), *place) for place, message in found))
        return None


def _order(place: Place) -> list[tuple[bool, str | int]]:
    """A key by which places are sorted; a list index is never compared with a name."""
    return [(isinstance(step, str), step) for step in place]


def repeated(rows: Iterable[Node], *keys: str) -> Iterator[str]:
    """Faults of the rows that have the same values under all of ``keys`` as an earlier row."""
    first: dict[tuple[str | int, ...], int] = {}
    for row in rows:
        values = tuple(row.get(key) for key in keys)
        if all(isinstance(value, str | int) for value in values):
            if values in first:
                yield row.fault(f"is used twice, first in line {first[values]}", keys[-1])
            first.setdefault(values, row.line_of((keys[-1],)))
