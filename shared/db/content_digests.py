"""Keyed digests of what rows contain, computed by the database: SQL for migrations, and for the audit's views.

A trigger stores the digest when a row is written *with a new revision*. A view computes it again from what the row
contains now, and lists the rows for which the two differ. So a change that made no revision is found: by a fault of the
disk, by a restore of single tables, by a statement typed by hand, or by a bug.

The key is random, made by the migration, and in a table that no process and no audit may read: a digest confirms
no guess about a person. The views return ids, never a digest. They do not protect from the owner of the database, who
can compute digests too (ADR 51).

Published migrations use this module: it may gain, but what it returns for the same arguments must not change.
"""

# ruff: noqa: S608 - statements are put together from names of our own tables and columns

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

KEY_AND_FUNCTION = """
CREATE TABLE content_key (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    key bytea NOT NULL CHECK (length(key) = 32),
    made_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE content_key IS 'key of the digests of contents; no process reads it, only functions of the owner';
INSERT INTO content_key (key)
VALUES (sha256(convert_to(gen_random_uuid()::text || gen_random_uuid()::text || gen_random_uuid()::text, 'UTF8')));
CREATE FUNCTION content_digest(key bytea, content jsonb) RETURNS bytea
LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN sha256(key || sha256(key || convert_to(content::text, 'UTF8')));
COMMENT ON FUNCTION content_digest IS 'HMAC-like: the key is in the inner and the outer hash';
"""

TAKE_BACK = "DROP TABLE content_key; DROP FUNCTION content_digest(bytea, jsonb);"


@dataclass(frozen=True, slots=True)
class DigestedTable:
    """A table whose rows have a digest.

    Attributes:
        table: its name.
        key: column that names a row in the view, or an expression with the row as ``{row}``.
        columns: what is covered. Names that end in ``_at``, and ``since``, are instants.
        binary: those of ``columns`` that are ``bytea``.
        written: the condition, with ``OLD`` and ``NEW``, on which an update is a new state of the row; empty if none
            is.
        made: the condition, with ``NEW``, on which a new row gets a digest; empty for every row.
        digest: column of the digest.
    """

    table: str
    key: str
    columns: Sequence[str]
    binary: frozenset[str] = frozenset()
    written: str = ""
    made: str = ""
    digest: str = "digest"

    def content(self, row: str) -> str:
        """SQL of what the digest covers, of ``row``; independent of a session's time zone and formats."""
        return f"jsonb_build_array({', '.join(self._value(row, name) for name in self.columns)})"

    def _value(self, row: str, name: str) -> str:
        if name in self.binary:
            return f"encode({row}.{name}, 'hex')"
        if name.endswith("_at") or name == "since":
            return f"extract(epoch FROM {row}.{name})"
        return f"{row}.{name}"

    @property
    def subject(self) -> str:
        """SQL of what names a row ``t``."""
        return (self.key if "{row}" in self.key else "{row}." + self.key).format(row="t") + "::text"

    def column(self) -> str:
        """The statement that adds the column."""
        return (
            f"ALTER TABLE {self.table} ADD COLUMN {self.digest} bytea;\n"
            f"COMMENT ON COLUMN {self.table}.{self.digest} IS 'of the contents when they were written; "
            "NULL: from before there were digests';\n"
        )

    def triggers(self) -> str:
        """Statements that make the triggers: an insertion, and an update with a new state, compute the digest."""
        name = f"digest_{self.table}" + ("" if self.digest == "digest" else f"_{self.digest}")
        made = f"""
CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    NEW.{self.digest} := (SELECT public.content_digest(k.key, {self.content("NEW")}) FROM public.content_key k);
    RETURN NEW;
END $$;
REVOKE ALL ON FUNCTION {name}() FROM PUBLIC;
CREATE TRIGGER {name}_first BEFORE INSERT ON {self.table} FOR EACH ROW
    WHEN ({self.made or "true"}) EXECUTE FUNCTION {name}();
"""
        if self.written:
            made += (
                f"CREATE TRIGGER {name}_again BEFORE UPDATE ON {self.table} FOR EACH ROW\n"
                f"    WHEN ({self.written}) EXECUTE FUNCTION {name}();\n"
            )
        return made

    def take_back(self) -> str:
        """Statements that undo :meth:`column` and :meth:`triggers`, after the view is gone."""
        name = f"digest_{self.table}" + ("" if self.digest == "digest" else f"_{self.digest}")
        again = f"DROP TRIGGER {name}_again ON {self.table};\n" if self.written else ""
        return (
            f"DROP TRIGGER {name}_first ON {self.table};\n{again}DROP FUNCTION {name}();\n"
            f"ALTER TABLE {self.table} DROP COLUMN {self.digest};\n"
        )

    def differing(self) -> str:
        """A SELECT of the rows that do not contain what they contained when they were written."""
        return (
            f"SELECT '{self.table}' AS kind, {self.subject} AS subject FROM {self.table} t, content_key k\n"
            f"    WHERE t.{self.digest} <> content_digest(k.key, {self.content('t')})"
        )

    def counted(self) -> str:
        """A SELECT of how many rows have a digest, and how many have none."""
        return (
            f"SELECT '{self.table}' AS kind, count({self.digest}) AS digested, count(*) - count({self.digest}) AS "
            f"undigested FROM {self.table}"
        )


def changed(*columns: str) -> str:
    """The condition that one of these columns changes, or that the statement sets the digest to NULL."""
    old, new = (", ".join(f"{row}.{name}" for name in columns) for row in ("OLD", "NEW"))
    return f"({old}) IS DISTINCT FROM ({new})"


def view(name: str, selects: Iterable[str], comment: str) -> str:
    """The statement that makes a view of the union of ``selects``."""
    return f"CREATE VIEW {name} AS\n" + "\nUNION ALL ".join(selects) + f";\nCOMMENT ON VIEW {name} IS '{comment}';\n"


DIFFERENCE_COMMENT = "rows that do not contain what they contained when they were written: ids, no contents"
COUNT_COMMENT = "how many rows have a digest of their contents, and how many are from before there were digests"
