"""Sessions of the doctor at the databases: read only, in short transactions, without session settings."""

from collections.abc import Callable
from contextlib import ExitStack
from typing import TypeVar

import psycopg

from deploy.operations.doctor.probes import Row
from shared.db.roles import limit_problems
from shared.runtime.errors import Unavailable
from shared.runtime.settings import connection_parameters, conninfo

T = TypeVar("T")

REASONS = {
    "password authentication failed": "password refused",
    "connection refused": "connection refused",
    "no pg_hba.conf entry": "pg_hba.conf does not allow it",
    "certificate verify failed": "certificate not trusted",
    "root certificate file": "no file of authorities: sslrootcert",
    "timeout": "no answer in time",
    "too many": "too many connections",
    "remaining connection slots": "too many connections",
    "does not exist": "no such database or login",
    "permission denied": "no right to connect",
    "could not translate host name": "unknown host name",
    "failed to resolve host": "unknown host name",
}
"""Parts of libpq's texts, in lower case, and the reasons that are printed in their place."""

NO_SERVER = frozenset({"connection refused", "no answer in time", "unknown host name"})
"""Reasons that are the same for every login."""


class DatabaseSessions:
    """One session for each URL, which reads only, in short transactions; a server that is down is tried once.

    It makes no session settings: behind a pooler they would stay for processes that get the session afterwards.

    Args:
        stack: closes the sessions.
    """

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._sessions: dict[str, psycopg.Connection[Row]] = {}
        self._refused: dict[str, str] = {}
        self._away: dict[str, str] = {}

    def query(self, url: str, statement: str) -> list[Row]:
        """Rows of ``statement``.

        Raises:
            Unavailable: the database does not answer, or refuses the statement.
        """
        return self._ask(url, lambda session: session.execute(statement.encode()).fetchall())

    def limits(self, url: str) -> list[str]:
        """What is wrong with the limits of a session.

        Raises:
            Unavailable: the database does not answer.
        """
        return self._ask(url, limit_problems)

    def _ask(self, url: str, ask: Callable[[psycopg.Connection[Row]], T]) -> T:
        servers = _servers(url)
        if reason := self._away.get(servers) or self._refused.get(url):
            raise Unavailable(reason)
        try:
            session = self._sessions.get(url) or self._open(url)
            with session.transaction():
                return ask(session)
        except psycopg.OperationalError as error:
            self._refused[url] = _reason(error)
            if self._refused[url] in NO_SERVER:
                self._away[servers] = self._refused[url]
            raise Unavailable(self._refused[url]) from error
        except psycopg.Error as error:
            raise Unavailable(type(error).__name__) from error

    def _open(self, url: str) -> psycopg.Connection[Row]:
        opened = psycopg.connect(
            conninfo(url), connect_timeout=3, application_name="troika-doctor", prepare_threshold=None
        )
        self._sessions[url] = self._stack.enter_context(opened)
        opened.read_only = True
        return opened


def _servers(url: str) -> str:
    parameters = connection_parameters(url)
    return f"{parameters.get('host')}:{parameters.get('port')}"


def _reason(error: psycopg.OperationalError) -> str:
    """Why there is no session, in our own words: libpq's text is never printed, since it may hold secrets."""
    text = str(error).lower()
    return next((reason for words, reason in REASONS.items() if words in text), type(error).__name__)
