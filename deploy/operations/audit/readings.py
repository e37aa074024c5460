"""The log of readings as a hash chain, and its head: a head noted earlier reveals that the chain was rewritten."""

from dataclasses import dataclass

from deploy.operations.audit.reading import Sources

CHAIN = """
    SELECT id::text, 'its own hash after those before it', 'another'
    FROM (SELECT id, chain_hash, content_hash, lag(chain_hash) OVER (ORDER BY id) AS before
        FROM sealed_reading) AS chained
    WHERE chain_hash <> sha256(coalesce(before, ''::bytea) || content_hash) AND (id = 1 OR before IS NOT NULL
        OR NOT EXISTS (SELECT FROM registration WHERE accepted_at < %(history_since)s))
"""
"""The first readings are deleted after three years. Until then none may be missing."""
NOTED = """
    SELECT noted.id::text, 'as it was noted', CASE WHEN s.id IS NULL THEN 'none' ELSE 'another' END
    FROM (SELECT CAST(%(head_number)s AS bigint) AS id, CAST(%(head_hash)s AS bytea) AS hash) AS noted
    LEFT JOIN sealed_reading s ON s.id = noted.id
    WHERE noted.id > 0 AND s.chain_hash IS DISTINCT FROM noted.hash
"""
_HEAD = "SELECT id, chain_hash FROM sealed_reading ORDER BY id DESC LIMIT 1"


@dataclass(frozen=True, slots=True)
class Head:
    """The newest reading.

    Attributes:
        number: its id; 0 where there is none.
        digest: SHA-256 over the whole log up to it, in hexadecimal.
    """

    number: int = 0
    digest: str = ""

    def __str__(self) -> str:
        return f"{self.number}:{self.digest}"


def head_of(sources: Sources) -> Head:
    """The newest reading of the log."""
    for number, digest in sources.rows("registration", _HEAD) if "registration" in sources.databases else ():
        return Head(number, bytes(digest).hex())
    return Head()


def parse_head(text: str) -> Head:
    """``12:3f2a…`` as it is printed.

    Raises:
        ValueError: it is something else.
    """
    number, _, digest = text.partition(":")
    if len(bytes.fromhex(digest)) != 32:
        raise ValueError("a number, a colon and 64 hexadecimal digits are required")
    return Head(int(number), digest)
