"""Checks that the server that is backed up holds no keys of forms.

A base backup and the WAL are of a whole server: they would hold the keys together with the answers that they open, and
a key that was destroyed would live on in them.
"""

import json

from deploy.operations.backup.configuration import Configuration
from deploy.operations.backup.postgres import ServerProblem, ask

_DATABASES = """
    SELECT json_agg(json_build_array(datname, datallowconn) ORDER BY datname) FROM pg_database
    WHERE datname <> 'template0'
"""
_TABLES = "SELECT count(*) FROM pg_class WHERE relname = 'form_private_key' AND relkind IN ('r', 'p', 'm')"


def keys_fault(configuration: Configuration) -> str:
    """Why this server must not be backed up; empty if every database of it has answered that it has no table of keys.

    An empty table counts too: the WAL of the time before may hold keys. A database that cannot be asked counts as one
    with keys.
    """
    listed = ask(configuration, "postgres", _DATABASES)
    if not listed:
        return f"PostgreSQL does not list its databases as {configuration.cluster.user}: {_UNKNOWN}"
    for database, is_open in json.loads(listed):
        count = ask(configuration, database, _TABLES) if is_open else None
        if count is None:
            return f"the database {database} of this server does not answer: {_UNKNOWN}"
        if int(count):
            return (
                f"the database {database} of this server has the table of the keys of forms: a backup would hold them "
                "together with the answers that they open, and a destroyed key would live on in it. Move that database "
                "to a server of its own"
            )
    return ""


_UNKNOWN = (
    "it may hold the keys of forms, which no backup of this server may hold. Nothing is backed up until it answers"
)


def require_no_keys(configuration: Configuration) -> None:
    """Do nothing if this server may be backed up.

    Raises:
        ServerProblem: it has keys of forms, or cannot be asked.
    """
    if fault := keys_fault(configuration):
        raise ServerProblem(fault)
