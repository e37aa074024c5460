"""Settings come from the environment, are checked once at start, and one error names everything that is wrong."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from shared.core import settings_folder
from shared.core.errors import SettingsError
from shared.core.transports import INSECURE, read_kinds

T = TypeVar("T")

FROM_FILE = "_FILE"
"""Ends the name of a setting whose value stands in a file: a password, for example."""


class Reader:
    """Collects values and faults; :meth:`finish` raises once, with all of them.

    Values themselves never stand in a fault: they may be secrets.
    """

    def __init__(self, environment: Mapping[str, str] | None = None, process: str = "") -> None:
        """Read ``environment`` (this process's, if None), and the folder of settings that it may name.

        Args:
            environment: value by name.
            process: kind of the process, whose own settings in the folder count first.
        """
        self._environment: Mapping[str, str] = os.environ if environment is None else environment
        self.problems: list[str] = []
        if folder := self._environment.get(settings_folder.VARIABLE):
            self._add(Path(folder), process)

    def take(self, name: str, parse: Callable[[str], T], default: T | None = None) -> T:
        """The parsed value of ``name``; ``default`` if unset; a fault if there is neither or it does not parse."""
        text = self._text_of(name)
        if not text:
            if default is None:
                self.problems.append(f"{name}: is required")
            return default  # type: ignore[return-value]  # finish() raises before a missing value is used
        try:
            return parse(text)
        except (ValueError, OSError) as error:
            self.problems.append(f"{name}: {error}")
            return default  # type: ignore[return-value]  # as above

    def _add(self, folder: Path, process: str) -> None:
        try:
            found = settings_folder.read_folder(folder, process)
        except (OSError, UnicodeDecodeError) as error:
            self.problems.append(
                f"{settings_folder.VARIABLE}: a folder of files that can be read is required ({error})"
            )
            return
        twice = sorted(name for name in found if name in self._environment)
        self.problems.extend(f"{name}: is set, and stands in {settings_folder.VARIABLE} too" for name in twice)
        self._environment = {**self._environment, **found}

    def _text_of(self, name: str) -> str:
        """The value of ``name``, or the content of the file that ``<name>_FILE`` names; empty if there is neither."""
        text, file = (self._environment.get(each, "").strip() for each in (name, name + FROM_FILE))
        if not file:
            return text
        if text:
            self.problems.append(f"{name}: is set, and {name}{FROM_FILE} too")
            return text
        try:
            return Path(file).read_text().strip()
        except (OSError, UnicodeDecodeError):
            self.problems.append(f"{name}{FROM_FILE}: a file that can be read is required")
            return ""

    @property
    def environment(self) -> Mapping[str, str]:
        """What is read."""
        return self._environment

    def secure(self, name: str, kind: str, fault: str) -> None:
        """Add ``fault`` (if it is not empty) to what is wrong with ``name``, unless ``kind`` is allowed.

        Args:
            name: of the setting.
            kind: one of ``shared.core.transports.KINDS``, which ``TROIKA_INSECURE`` may name.
            fault: what is insecure, and what to write instead.
        """
        allowed: frozenset[str] = frozenset()
        if fault and kind not in self.take(INSECURE, read_kinds, allowed):
            self.problems.append(f"{name}: {fault}; or name {kind} in {INSECURE}")

    def text(self, name: str, default: str | None = None) -> str:
        """Any text."""
        return self.take(name, str, default)

    def integer(self, name: str, default: int, least: int = 0, most: int = 2**31 - 1) -> int:
        """A whole number within bounds."""

        def parse(text: str) -> int:
            value = int(text) if text.lstrip("-").isdigit() else None
            if value is None or not least <= value <= most:
                raise ValueError(f"a whole number from {least} to {most} is required")
            return value

        return self.take(name, parse, default)

    def url(self, name: str, schemes: tuple[str, ...], default: str | None = None) -> str:
        """An absolute URL with one of ``schemes``, or the default as it is written (``memory://``)."""

        def parse(text: str) -> str:
            parts = urlsplit(text)
            if text == default:
                return text
            if parts.scheme not in schemes or not (parts.netloc or parts.query or parts.path):
                raise ValueError(f"an address that begins with {' or '.join(s + '://' for s in schemes)} is required")
            return text

        return self.take(name, parse, default)

    def file(self, name: str, default: Path | None = None) -> Path:
        """The path of a file that exists and can be read."""

        def parse(text: str) -> Path:
            path = Path(text)
            if not path.is_file() or not os.access(path, os.R_OK):
                raise ValueError("a file that can be read is required")
            return path

        return self.take(name, parse, default)

    def folder(self, name: str, default: Path | None = None) -> Path:
        """The path of a folder that exists."""

        def parse(text: str) -> Path:
            path = Path(text)
            if not path.is_dir():
                raise ValueError("a folder that exists is required")
            return path

        return self.take(name, parse, default)

    def finish(self) -> None:
        """Raises:
        SettingsError: anything was wrong; it lists all of it.
        """
        if self.problems:
            raise SettingsError(self.problems)
