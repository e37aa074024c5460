"""Passwords of logins as SCRAM-SHA-256 verifiers (RFC 5803), as ``\\password`` of psql sends them.

PostgreSQL writes statements to its log: with ``log_statement = ddl``, and whenever one fails. A password in a statement
would stand there in clear.
"""

from typing import Any

import psycopg
from psycopg import pq, sql

NO_SERVER = b"="
"""An address that libpq refuses: it then connects to nothing, and uses its own number of iterations (4096)."""


def verifier(password: str, connection: psycopg.Connection[Any] | None = None) -> sql.Literal:
    """Return what ``CREATE ROLE … PASSWORD`` stores for ``password``, with a new salt each time.

    Args:
        password: in clear; it is not sent to any server.
        connection: to the server that will store it, whose ``scram_iterations`` are used; None if none is at hand.
    """
    if connection is not None:
        return _verifier(password, connection.pgconn)
    unconnected = pq.PGconn.connect_start(NO_SERVER)
    try:
        return _verifier(password, unconnected)
    finally:
        unconnected.finish()


def _verifier(password: str, library: pq.abc.PGconn) -> sql.Literal:
    return sql.Literal(library.encrypt_password(password.encode(), b"", b"scram-sha-256").decode())
