"""One file per mail. A mail counts as kept when its bytes and its name are on the disk, and only then."""

import os
import re
import secrets
import time
from datetime import UTC, datetime
from pathlib import Path

_NAME = re.compile(r"(\d{19})-[0-9a-f]{8}")


class MailFolder:
    """The files of a sink: ``<nanoseconds since 1970>-<random>.eml``, so that names sort by arrival."""

    def __init__(self, path: Path) -> None:
        """``path`` is made if it is missing."""
        path.mkdir(parents=True, exist_ok=True)
        path.chmod(0o700)  # the mails hold live links
        self._path = path

    def keep(self, content: bytes) -> str:
        """Write ``content``, make it durable, and return its identifier.

        Raises:
            OSError: it could not be stored; no file remains that could be taken for a mail.
        """
        mail_id = f"{time.time_ns():019}-{secrets.token_hex(4)}"
        partial = self._path / f"{mail_id}.partial"
        try:
            with partial.open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            partial.rename(self._path / f"{mail_id}.eml")
        except OSError:
            partial.unlink(missing_ok=True)
            raise
        self._sync_names()
        return mail_id

    def identifiers(self) -> list[str]:
        """All mails, newest first."""
        return sorted((path.stem for path in self._path.glob("*.eml") if _NAME.fullmatch(path.stem)), reverse=True)

    def read(self, mail_id: str) -> bytes | None:
        """The bytes of a mail as received; None if there is no such mail."""
        if not _NAME.fullmatch(mail_id):
            return None
        try:
            return (self._path / f"{mail_id}.eml").read_bytes()
        except FileNotFoundError:
            return None

    def _sync_names(self) -> None:
        folder = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def received_at(mail_id: str) -> datetime:
    """When the mail with this identifier came, aware, in UTC, to the millisecond."""
    return datetime.fromtimestamp(int(mail_id.partition("-")[0]) // 1_000_000 / 1000, UTC)
