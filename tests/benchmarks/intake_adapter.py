"""What the measurements know of the intake: address, answers, rows and decider. Nothing else here names them.

A submission is stored and answered 202; the decider decides it afterwards.
"""

import itertools
import json
from collections.abc import Iterator, Sequence

from services.registration.people.model import CONFIRMATION
from services.registration.rights import DECIDE
from shared.runtime.clock import system_clock
from shared.runtime.ids import link_hash, new_id, new_token
from tests.support.clients import SUBMISSIONS, WEBINAR, rows
from tests.support.installation import TestInstallation
from tests.support.proofs_of_work import keys_of, minted

PATH = SUBMISSIONS
"""Where the webinar's form is sent."""

ACCEPTED = 202
STORED = "submission"
"""The table that gets one row with each accepted request."""

DECIDER = DECIDE
"""The role of the process that decides."""

CONFIRMED = 303
"""The answer to a press of *confirm*, once its outcome is known, or after two seconds."""

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
_DECIDED = "SELECT count(*) FROM submission WHERE state = 'decided' AND kind = 'submission'"
_UNDECIDED = "SELECT count(*) FROM submission WHERE state = 'received'"
_BACKLOG = """
    SELECT coalesce(extract(epoch FROM clock_timestamp() - min(received_at)), 0)::float
    FROM submission WHERE state = 'received'
"""
_CANDIDATES = "SELECT id::text FROM candidate ORDER BY submission"
_LINK = """
    INSERT INTO confirmation_link (id, token_hash, address_ref, mailbox_ref, domain_ref, email, language, minted_at,
        expires_at)
    SELECT made.link, made.hash, c.address_ref, c.mailbox_ref, c.domain_ref, c.content ->> 'email', 'en', now(),
        now() + interval '7 days'
    FROM unnest(%s::uuid[], %s::uuid[], %s::bytea[]) AS made (candidate, link, hash)
    JOIN candidate c ON c.id = made.candidate
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


def proofs(installation: TestInstallation) -> Iterator[str]:
    """Proofs of work for the webinar's form, without end: with one a submission is registered at once."""
    keys = keys_of(installation)
    for _ in itertools.count():
        yield minted(keys, WEBINAR, system_clock())


def decided(installation: TestInstallation) -> int:
    """How many submissions are decided so far."""
    return int(rows(installation.urls["registration"], _DECIDED)[0][0])


def undecided(installation: TestInstallation) -> int:
    """How many submissions and commands wait for their decision."""
    return int(rows(installation.urls["registration"], _UNDECIDED)[0][0])


def backlog_s(installation: TestInstallation) -> float:
    """Age of the oldest submission that waits for its decision, seconds; 0 if none waits."""
    return float(rows(installation.urls["registration"], _BACKLOG)[0][0])


def outcome_path(answer: bytes) -> str:
    """Where the sender of an accepted request asks for its outcome; ``answer`` is the body."""
    return f"/v1/receipts/{json.loads(answer)['receipt']}"


def is_decided(answer: bytes) -> bool:
    """Whether ``answer``, the body of what ``outcome_path`` leads to, reports an outcome."""
    return bool(json.loads(answer)["status"] != "received")


def confirmations(installation: TestInstallation) -> Sequence[bytes]:
    """A press of *confirm* for each candidate, by its own link.

    Returns:
        requests, each for another candidate.
    """
    database = installation.urls["registration"]
    ids = [row[0] for row in rows(database, _CANDIDATES)]
    tokens = [new_token() for _ in ids]
    rows(database, _LINK, ids, [new_id() for _ in ids], [link_hash(token, CONFIRMATION) for token in tokens])
    return [_confirm(token, candidate) for token, candidate in zip(tokens, ids, strict=True)]


def _confirm(token: str, candidate: str) -> bytes:
    body = f"action=choose&lang=en&choice-{candidate}=confirm".encode()
    head = (
        f"POST /c/{token} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
