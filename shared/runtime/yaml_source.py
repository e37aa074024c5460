"""YAML files written manually, read so that every fault names file, line and field.

Deliberately less than YAML: no anchors, aliases, tags or merge keys (a small file must not grow into a large
one), no duplicate keys, one document. Plain words mean what they mean on paper: ``no`` and ``2020-03-04 14:00``
are text; only ``true``, ``false``, ``null`` and whole numbers are more. A file is read whole or not at all.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

import yaml

from shared.runtime.errors import SettingsError

Place = tuple[str | int, ...]
"""Location of a value in its file: keys and list indexes from the top, ``(3, "starts")``."""

T = TypeVar("T")
D = TypeVar("D")
Choice = TypeVar("Choice", bound=StrEnum)

LIMIT_BYTES = 512 * 1024
"""Larger than any file written manually; the parser needs about a second for it."""
LIMIT_DEPTH = 24
_WHOLE = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})")
_TAB = re.compile(r" *\t")
_WORDS = {"": None, "~": None, "null": None, "true": True, "false": False}
_KINDS: Mapping[type, str] = {list: "a list", dict: "a mapping of keys to values"}


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


class Fields:
    """One mapping of a file, taken field by field; its faults go to a list shared by the whole reading.

    A faulty field returns a placeholder, so that the reading continues and finds the other faults too; the caller that
    started the reading raises once at its end.
    """

    def __init__(self, node: Node, faults: list[str]) -> None:
        self.node = node
        self.faulty: set[str] = set()
        self._faults = faults
        self._known: set[str] = set()
        self._readable = isinstance(node.data, dict)
        self._data: dict[str, Any] = node.data if self._readable else {}
        if not self._readable:
            self.faulty.add("")
            faults.append(node.fault("must be a mapping of keys to values"))

    def fault(self, message: str, key: str, *place: str | int) -> None:
        """Note a fault of the field ``key``, or of the item at ``place`` below it."""
        self.faulty.add(key)
        self._faults.append(self.node.fault(message, key, *place))

    def required(self, key: str, parse: Callable[[Any], T], stand_in: T) -> T:
        """The parsed value of ``key``; a fault and ``stand_in`` if absent or ``parse`` raises ValueError."""
        self._known.add(key)
        if self._data.get(key) is None:
            if self._readable:
                self.fault("is required", key)
            return stand_in
        return self._parsed(key, self._data[key], parse, stand_in)

    def optional(self, key: str, parse: Callable[[Any], T], default: D) -> T | D:
        """The parsed value of ``key``, ``default`` if absent; a fault if ``parse`` raises ValueError."""
        self._known.add(key)
        value = self._data.get(key)
        return default if value is None else self._parsed(key, value, parse, default)

    def each(self, key: str, parse: Callable[[Any], T]) -> tuple[T, ...]:
        """The parsed items of the list ``key``, empty if absent; a faulty item is noted with its own line."""
        items: list[T] = []
        for index, item in enumerate(self._list(key)):
            try:
                items.append(parse(item))
            except ValueError as error:
                self.fault(str(error), key, index)
        return tuple(items)

    def below(self, key: str) -> "list[Fields]":
        """The mappings in the list ``key``, each to be taken field by field; empty if it is absent."""
        count = len(self._list(key))
        return [Fields(self.node.child(key).child(index), self._faults) for index in range(count)]

    def finish(self) -> None:
        """Note a fault for every key that no caller requested: most likely a spelling mistake."""
        for key in (key for key in self._data if key not in self._known):
            self.fault(f"is not known here; known are {', '.join(sorted(self._known))}", key)

    def _list(self, key: str) -> list[Any]:
        self._known.add(key)
        value = self._data.get(key)
        if value is None or isinstance(value, list):
            return value or []
        self.fault("must be a list", key)
        return []

    def _parsed(self, key: str, value: Any, parse: Callable[[Any], T], stand_in: D) -> T | D:
        try:
            return parse(value)
        except ValueError as error:
            self.fault(str(error), key)
            return stand_in


def text(most: int = 200) -> Callable[[Any], str]:
    """A parser of texts of 1 to ``most`` characters; white space at the ends does not count."""

    def parse(value: Any) -> str:
        if not isinstance(value, str):
            raise ValueError("must be a text (put it in quotes)")
        stripped = value.strip()
        if not 1 <= len(stripped) <= most:
            raise ValueError(f"must have 1 to {most} characters")
        return stripped

    return parse


def whole(least: int, most: int) -> Callable[[Any], int]:
    """A parser of whole numbers from ``least`` to ``most``."""

    def parse(value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise ValueError(f"must be a whole number from {least} to {most}")
        return value

    return parse


def flag(value: Any) -> bool:
    """A parser of ``true`` and ``false``."""
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


def one_of(choices: type[Choice]) -> Callable[[Any], Choice]:
    """A parser of the values of an enumeration."""

    def parse(value: Any) -> Choice:
        try:
            return choices(value)
        except ValueError:
            raise ValueError(f"must be one of {', '.join(choices)}") from None

    return parse
