"""The links of a registration: tokens of which only hashes are kept, each for one purpose.

A managing link changes the registration; the five newest are valid. Read-only and join links stand in calendars and
forwarded mails, so they are valid as long as the registration's page, or until all links are ended.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from services.registration.people.store import as_parameter
from shared.core.ids import new_token
from shared.core.links import JOIN, OWN, VIEW, link_hash

MAX_LIVE = 5
"""Managing links of one registration."""

ASKED_APART = timedelta(minutes=5)
"""A link that was asked for is mailed again after this time at the earliest; the mailed one works until then."""

_ADD = text("""
    INSERT INTO managing_link (token_hash, registration_id, minted_at, asked)
    SELECT decode(token, 'hex'), registration, :now, asked
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS new (token text, registration uuid, asked boolean)
""")
_ADD_LIMITED = text("""
    INSERT INTO limited_link (token_hash, registration_id, purpose, minted_at)
    SELECT decode(token, 'hex'), registration, purpose, :now
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS new (token text, registration uuid, purpose text)
""")
_ASKED = text("""
    SELECT DISTINCT registration_id::text FROM managing_link
    WHERE registration_id = ANY(CAST(:registrations AS uuid[])) AND asked AND minted_at > :since
""")
_PRUNE = text("""
    DELETE FROM managing_link m WHERE m.registration_id = ANY(CAST(:registrations AS uuid[])) AND m.token_hash NOT IN (
        SELECT newest.token_hash FROM managing_link newest WHERE newest.registration_id = m.registration_id
        ORDER BY newest.minted_at DESC, newest.token_hash LIMIT :max_live)
""")
_END = tuple(
    text(f"DELETE FROM {table} WHERE registration_id = ANY(CAST(:registrations AS uuid[]))")  # noqa: S608 - constants
    for table in ("managing_link", "limited_link", "waiting_link")
)


@dataclass(frozen=True, slots=True)
class LinkTokens:
    """New tokens of one registration; they are kept nowhere.

    Attributes:
        own: of the managing link.
        view: of the read-only link.
        join: of the link to the meeting; empty for a registration that has ended.
        asked: the managing link is mailed because it was asked for, not because something happened.
    """

    own: str = field(repr=False)
    view: str = field(repr=False)
    join: str = field(repr=False)
    asked: bool = False


def new_tokens(status: str, *, asked: bool) -> LinkTokens:
    """Return tokens for the links of a registration with this status."""
    return LinkTokens(new_token(), new_token(), "" if status == "cancelled" else new_token(), asked)


def asked_recently(connection: Connection, registrations: Sequence[str], now: datetime) -> set[str]:
    """Return which of these registrations had their managing link mailed on request a short while ago."""
    if not registrations:
        return set()
    values = {"registrations": list(registrations), "since": now - ASKED_APART}
    return set(connection.execute(_ASKED, values).scalars())


def store_links(connection: Connection, minted: Sequence[tuple[str, LinkTokens]], now: datetime) -> None:
    """Store new links by registration id; of more than five managing links of a registration the oldest end."""
    if not minted:
        return
    own = [
        {"registration": registration, "token": link_hash(tokens.own, OWN), "asked": tokens.asked}
        for registration, tokens in minted
    ]
    limited = [
        {"registration": registration, "token": link_hash(token, purpose), "purpose": purpose}
        for registration, tokens in minted
        for purpose, token in ((VIEW, tokens.view), (JOIN, tokens.join))
        if token
    ]
    connection.execute(_ADD, {"rows": as_parameter(own), "now": now})
    connection.execute(_ADD_LIMITED, {"rows": as_parameter(limited), "now": now})
    values = {"registrations": [registration for registration, _ in minted], "max_live": MAX_LIVE}
    connection.execute(_PRUNE, values)


def end_links(connection: Connection, registrations: Sequence[str]) -> None:
    """End all links of these registrations, whatever their purpose, and the wish for another one."""
    if not registrations:
        return
    for statement in _END:
        connection.execute(statement, {"registrations": list(registrations)})
