"""What the measurements know of the intake: address, answers, rows and decider. Nothing else here names them.

The present intake decides within the request: what it answers is decided. For an intake that stores first and decides
later, change the constants, ``outcome_path`` and ``is_decided``, and give ``undecided`` and ``backlog_s`` its rows.
"""

from collections.abc import Sequence

from shared.core.ids import new_token
from shared.core.links import VERIFY, link_hash
from tests.support.clients import REGISTRATIONS, WEBINAR, rows
from tests.support.installation import TestInstallation

PATH = REGISTRATIONS
"""Where the webinar's form is sent."""

ACCEPTED = 201
STORED = "registration"
"""The table that gets one row with each accepted request."""

DECIDER: str | None = None
"""The role of the process that decides; None while the request decides."""

WITHOUT_DECIDER = "the intake decides within the request and has no decider: a 201 is a decided registration"

CONFIRMED = 200
"""The answer to a press of *confirm*; the outcome stands in it."""

SEALED = ("access_needs", "questions")
"""The questions whose answers the measured form seals."""

_SEAL = """
    UPDATE form SET definition = jsonb_set(definition, '{fields}', (
        SELECT jsonb_agg(CASE WHEN field->>'name' = ANY(%s)
            THEN field || '{"sealed": true, "retention_days": 14}' ELSE field END ORDER BY number)
        FROM jsonb_array_elements(definition->'fields') WITH ORDINALITY AS each (field, number)))
    WHERE slug = %s
"""
_BY_EMAIL = "UPDATE form SET verification = 'email' WHERE slug = %s"
_UNCONFIRMED = "SELECT id::text FROM registration WHERE status = 'unverified'"
_LINK = """
    UPDATE registration SET verify_hash = made.hash FROM unnest(%s::uuid[], %s::bytea[]) AS made (id, hash)
    WHERE registration.id = made.id
"""


def path_of(form: str) -> str:
    """Where the form called ``form`` is sent."""
    return PATH.replace(WEBINAR, form)


def seal_two(installation: TestInstallation) -> None:
    """Let the webinar's form seal the answers to ``SEALED``."""
    rows(installation.urls["registration"], _SEAL, list(SEALED), WEBINAR)


def verify_by_email(installation: TestInstallation) -> None:
    """Let the webinar's form take registrations that the owner of the address has to confirm."""
    rows(installation.urls["registration"], _BY_EMAIL, WEBINAR)


def decided(installation: TestInstallation) -> int:
    """How many submissions are decided so far."""
    return int(rows(installation.urls["registration"], "SELECT count(*) FROM registration")[0][0])


def undecided(installation: TestInstallation) -> int:
    """How many submissions wait for their decision; none in an intake without a decider."""
    return 0


def backlog_s(installation: TestInstallation) -> float:
    """Age of the oldest submission that waits for its decision, seconds; 0 if none waits."""
    return 0.0


def outcome_path(answer: bytes) -> str | None:
    """Where the sender of an accepted request asks for its outcome; None if ``answer``, the body, is the outcome."""
    return None


def is_decided(answer: bytes) -> bool:
    """Whether ``answer``, the body of what ``outcome_path`` leads to, reports an outcome."""
    return True


def confirmations(installation: TestInstallation) -> Sequence[bytes]:
    """A press of *confirm* for each registration that waits for it; their links are made anew.

    Returns:
        requests, each for another registration.
    """
    database = installation.urls["registration"]
    ids = [row[0] for row in rows(database, _UNCONFIRMED)]
    tokens = [new_token() for _ in ids]
    rows(database, _LINK, ids, [link_hash(token, VERIFY) for token in tokens])
    return [_confirm(token) for token in tokens]


def _confirm(token: str) -> bytes:
    body = b"action=verify"
    head = (
        f"POST /v/{token} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
