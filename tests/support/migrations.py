"""What a migration does, read from its SQL without a database; and migrations made for a test."""

import io
import re
from pathlib import Path

from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import Script
from sqlalchemy import Engine

_NOT_CODE = re.compile(r"--[^\n]*|/\*.*?\*/|\$(\w*)\$.*?\$\1\$|'(?:[^']|'')*'", re.DOTALL)
"""Comments, bodies of functions, and texts."""
_TAKES_AWAY = (
    (re.compile(r"\bDROP\s+(?!INDEX\b|NOT\s+NULL\b|DEFAULT\b|TRIGGER\b)(?:\w+)", re.IGNORECASE), "drops"),
    (re.compile(r"\bRENAME\b", re.IGNORECASE), "renames"),
    (re.compile(r"\b(?:SET\s+DATA\s+)?TYPE\s+\w+\s*(?:\(|USING|,|$)", re.IGNORECASE), "changes a type"),
    (re.compile(r"\bSET\s+NOT\s+NULL\b", re.IGNORECASE), "requires a value"),
    (re.compile(r"\bTRUNCATE\b", re.IGNORECASE), "deletes rows"),
    (re.compile(r"^\s*DELETE\s+FROM\b", re.IGNORECASE), "deletes rows"),
    (re.compile(r"^\s*ALTER\s+TABLE\b.*\bADD\s+(?:CONSTRAINT|CHECK|UNIQUE|FOREIGN|PRIMARY)\b", re.I | re.S), "refuses"),
    (re.compile(r"^\s*CREATE\s+UNIQUE\s+INDEX\b", re.IGNORECASE), "refuses"),
)
_NEW_COLUMN = re.compile(r"\bADD\s+COLUMN\s+(?P<rest>[^,;]*)", re.IGNORECASE)
_NEW_TABLE = re.compile(r"\bCREATE\s+TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?(\w+)", re.IGNORECASE)
_TABLE_OF_INDEX = re.compile(r"\bON\s+(?:ONLY\s+)?(\w+)|^\s*ALTER\s+TABLE\s+(?:IF\s+EXISTS\s+)?(?:ONLY\s+)?(\w+)", re.I)


def sql_of(script: Script) -> str:
    """The statements of a migration's ``upgrade``."""
    printed = io.StringIO()
    context = MigrationContext.configure(
        dialect_name="postgresql", opts={"as_sql": True, "output_buffer": printed, "transactional_ddl": False}
    )
    with Operations.context(context):
        script.module.upgrade()
    return printed.getvalue()


def what_is_taken_away(sql: str) -> list[str]:
    """Statements that break the previous version: they drop, rename or newly refuse something.

    Bodies of functions, texts and comments do not count; neither do indexes and triggers, nor limits of new tables.
    """
    code = _NOT_CODE.sub(" ", sql)
    new = {name.lower() for name in _NEW_TABLE.findall(code)}
    found = []
    for statement in code.split(";"):
        named = _TABLE_OF_INDEX.search(statement)
        table = next((name.lower() for name in (named.groups() if named else ()) if name), "")
        if table in new:
            continue
        short = " ".join(statement.split())[:80]
        found += [f"{what}: {short}" for pattern, what in _TAKES_AWAY if pattern.search(statement)]
        for column in _NEW_COLUMN.finditer(statement):
            rest = column["rest"].upper()
            if "NOT NULL" in rest and "DEFAULT" not in rest and "GENERATED" not in rest:
                found.append(f"a new column requires a value: {short}")
    return found


def make_migrations(folder: Path, **bodies: str) -> Path:
    """A folder of migrations, one after the other; each body is what follows the revision's name.

    Args:
        folder: to make it in.
        bodies: by revision with a letter in front, ``r0001="def upgrade() …"``.
    """
    versions = folder / "versions"
    versions.mkdir(parents=True)
    before = None
    for name, body in bodies.items():
        revision = name.removeprefix("r")
        head = f"from alembic import op\nrevision = {revision!r}\ndown_revision = {before!r}\n\n"
        (versions / f"{revision}_made_for_a_test.py").write_text(head + body)
        before = revision
    return folder


def current_revision(engine: Engine) -> str | None:
    """The revision a database is at; None before its first migration."""
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()
