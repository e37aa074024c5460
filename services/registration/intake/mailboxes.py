"""Limits the mails to a mailbox before its owner has acted, and selects those that are due: postponed, never dropped.

One mail informs the owner that something waits behind its link, for any number of submissions. So further submissions
need no separate mail soon: the spacing grows, and starts again when the owner confirms something.

When a quota is exhausted, submissions with a proof of work go first; the others are served round-robin by client
network. Each client network has a daily limit of mails to mailboxes of a domain whose owners have not acted; a reserve
goes to networks that have caused none: one sender cannot use up a domain's mails. Over all domains each network has a
daily limit too, and a share of the budget is for networks that have caused little.

A mailbox is ranked by that of its networks which has caused the fewest mails, and its mail counts for this one alone:
submitting a person's address from a network that is used up does not delay the mail that the person causes.

Anyone may have a read-only link, so a request by one causes no more mail to a mailbox than a submission with its
address. The oldest request goes first, so that neither kind of mail starves the other. A mail that its quota holds back
does not hold back a link for longer than an hour.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from services.registration.intake.facts import LiveRegistration, MailWanted
from services.registration.intake.mail_lines import DAY, ENOUGH, HOUR, DueMailbox, find_due
from services.registration.people.model import AddressRefs
from services.registration.people.store import as_parameter, columns_of
from shared.public_forms.addresses import address_key, canonical_mailbox

WAITS = (
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=6),
    timedelta(hours=12),
)
"""Between the first mail and the second, and so on; the last one repeats. That makes six mails on the first day."""

MAX_GROWTH = 4
"""The budget over all grows up to this factor with the share of mailed mailboxes that confirm."""


def next_mail_at(step: int, sent_at: datetime) -> datetime:
    """Return when a mailbox may be written to again.

    Args:
        step: the number of mails sent since its owner last acted, from 1.
        sent_at: the time at which the last of them went.
    """
    return sent_at + WAITS[min(step, len(WAITS)) - 1]


def total_quota(limit: int, mailed: int, verified: int) -> int:
    """Return how many mails an hour may go to all domains together.

    Args:
        limit: the hourly budget while no one has confirmed anything.
        mailed: the number of mailboxes written to in the last day.
        verified: the number of those whose owner has confirmed something.
    """
    share = verified / mailed if mailed else 0.0
    return round(limit * (1 + (MAX_GROWTH - 1) * min(1.0, share)))


ALL = b""
"""The domain under which all mails are counted together."""

HEADS = 50
"""Addresses of a mailbox that are read to select the one that its mail goes to."""

_WANT = text("""
    WITH new AS MATERIALIZED (
        SELECT * FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS new (ref text, mailbox text, domain text,
            email text, language text, network text, proven boolean, plain boolean)
    ), boxes AS (
        INSERT INTO mailbox (mailbox_ref, domain_ref, next_mail_at, waiting_since, waiting_proven)
        SELECT DISTINCT ON (mailbox) decode(mailbox, 'hex'), decode(domain, 'hex'), :now, :now,
            bool_or(proven) OVER (PARTITION BY mailbox)
        FROM new ORDER BY mailbox
        ON CONFLICT (mailbox_ref) DO UPDATE SET waiting_since = coalesce(mailbox.waiting_since, excluded.waiting_since),
            waiting_proven = excluded.waiting_proven OR (mailbox.waiting_proven AND mailbox.waiting_since IS NOT NULL)
        RETURNING mailbox_ref, waiting_since
    ), networks AS (
        INSERT INTO waiting_network (mailbox_ref, network, since)
        SELECT DISTINCT boxes.mailbox_ref, decode(new.network, 'hex'), greatest(boxes.waiting_since, :now)
        FROM new JOIN boxes ON boxes.mailbox_ref = decode(new.mailbox, 'hex') WHERE new.network IS NOT NULL
        ON CONFLICT (mailbox_ref, network) DO UPDATE SET since = excluded.since
    )
    INSERT INTO waiting_address (address_ref, mailbox_ref, email, language, since, network, proven, plain)
    SELECT DISTINCT ON (ref) decode(ref, 'hex'), decode(mailbox, 'hex'), email, language, :now, decode(network, 'hex'),
        proven, plain
    FROM new WHERE EXISTS (SELECT FROM boxes) ORDER BY ref, proven DESC
    ON CONFLICT (address_ref) DO UPDATE SET proven = waiting_address.proven OR excluded.proven
""")
_VERIFIED = text("""
    INSERT INTO mailbox (mailbox_ref, domain_ref, next_mail_at, verified_at)
    SELECT DISTINCT ON (mailbox) decode(mailbox, 'hex'), decode(domain, 'hex'), :now, :now
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS new (mailbox text, domain text) ORDER BY mailbox
    ON CONFLICT (mailbox_ref) DO UPDATE SET step = 0, next_mail_at = :now,
        verified_at = coalesce(mailbox.verified_at, :now)
""")
_SEEN = text("""
    DELETE FROM waiting_address w WHERE w.address_ref = ANY(:refs)
        AND NOT EXISTS (SELECT FROM candidate c WHERE c.address_ref = w.address_ref)
        AND NOT EXISTS (SELECT FROM address_change a WHERE a.address_ref = w.address_ref)
""")
_MUTE = text("""
    INSERT INTO mailbox (mailbox_ref, domain_ref, next_mail_at, muted_at)
    VALUES (:mailbox, :domain, :now, CASE WHEN :muted THEN CAST(:now AS timestamptz) END)
    ON CONFLICT (mailbox_ref) DO UPDATE SET muted_at = CASE WHEN :muted THEN coalesce(mailbox.muted_at, :now) END
""")
_TOTALS = text("""
    SELECT coalesce((SELECT sum(sent) FROM mail_count WHERE domain_ref = '' AND began_at > :hour_ago), 0),
        count(*), count(*) FILTER (WHERE verified_at IS NOT NULL)
    FROM (SELECT verified_at FROM mailbox WHERE last_mail_at > :day_ago ORDER BY last_mail_at DESC
        LIMIT :enough) AS last
""")
_ANY_DUE = text("""
    SELECT EXISTS (SELECT FROM mailbox WHERE waiting_since IS NOT NULL AND muted_at IS NULL AND next_mail_at <= :now)
""")
_TAKE_ADDRESS = text("""
    DELETE FROM waiting_address w USING (
        SELECT DISTINCT ON (a.mailbox_ref) a.address_ref FROM mailbox m CROSS JOIN LATERAL (
            (SELECT p.* FROM waiting_address p WHERE p.mailbox_ref = m.mailbox_ref AND p.plain)
            UNION (SELECT p.* FROM waiting_address p WHERE p.mailbox_ref = m.mailbox_ref AND p.proven
            ORDER BY p.since LIMIT :heads)
            UNION (SELECT p.* FROM waiting_address p WHERE p.mailbox_ref = m.mailbox_ref ORDER BY p.since LIMIT :heads)
        ) AS a
        WHERE m.mailbox_ref = ANY(:mailboxes) ORDER BY a.mailbox_ref,
            EXISTS (SELECT FROM confirmation_link l WHERE l.address_ref = a.address_ref AND l.expires_at > :now),
            a.plain DESC, a.proven DESC, sha256(coalesce(a.network, '') || int4send(m.step)), a.since, a.address_ref
    ) AS first
    WHERE w.address_ref = first.address_ref
    RETURNING w.mailbox_ref, w.address_ref, w.email, w.language,
        EXISTS (SELECT FROM candidate c WHERE c.address_ref = w.address_ref)
            OR EXISTS (SELECT FROM address_change a WHERE a.address_ref = w.address_ref)
""")
_SENT = text("""
    UPDATE mailbox m SET step = m.step + 1, last_mail_at = :now, next_mail_at = new.next_mail_at,
        waiting_since = (SELECT min(w.since) FROM waiting_address w WHERE w.mailbox_ref = m.mailbox_ref),
        waiting_proven = false
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS new (mailbox text, next_mail_at timestamptz)
    WHERE m.mailbox_ref = decode(new.mailbox, 'hex')
""")
_STOP_WAITING = text("UPDATE mailbox SET waiting_since = NULL WHERE mailbox_ref = ANY(:mailboxes)")
_COUNT = text("""
    INSERT INTO mail_count (domain_ref, began_at, sent)
    SELECT decode(domain, 'hex'), :began_at, sent
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS new (domain text, sent int)
    ON CONFLICT (domain_ref, began_at) DO UPDATE SET sent = mail_count.sent + excluded.sent
""")
_LINKS = text("""
    INSERT INTO confirmation_link (id, token_hash, address_ref, mailbox_ref, domain_ref, email, language, minted_at,
        expires_at)
    SELECT id, decode(token_hash, 'hex'), decode(ref, 'hex'), decode(mailbox, 'hex'), decode(domain, 'hex'), email,
        language, :now, :expires_at
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS new (id uuid, token_hash text, ref text, mailbox text, domain text,
        email text, language text)
""")
_OVERDUE = text("""
    SELECT count(*), min(greatest(waiting_since, next_mail_at)) FROM (SELECT waiting_since, next_mail_at FROM mailbox
        WHERE waiting_since IS NOT NULL AND muted_at IS NULL AND next_mail_at <= :now
        ORDER BY next_mail_at LIMIT :most) AS first
""")
MAX_COUNTED = 100_000
"""Mailboxes counted as overdue, so that the count does not slow the decider."""


@dataclass(frozen=True, slots=True)
class DueMail:
    """A confirmation mail to send now; ``pending`` is false if its link leads to registrations only."""

    address: AddressRefs
    email: str
    language: str
    pending: bool


@dataclass(frozen=True, slots=True)
class MintedLink:
    """A confirmation link; ``token_hash`` is 32 bytes, the token itself is kept nowhere."""

    id: str
    token_hash: bytes
    mail: DueMail


def want_mails(connection: Connection, wanted: Sequence[MailWanted], now: datetime) -> None:
    """Record that addresses have something to confirm."""
    if wanted:
        rows = [columns_of(mail, mail.address) | {"plain": _is_plain(mail.email)} for mail in wanted]
        connection.execute(_WANT, {"rows": as_parameter(rows), "now": now})


def _is_plain(email: str) -> bool:
    """Whether an address is its mailbox's own name, without a tag."""
    return canonical_mailbox(email) == address_key(email)


def record_verified(connection: Connection, addresses: Iterable[AddressRefs], now: datetime) -> None:
    """Start the spacing of these mailboxes again: their owners have acted. No mail is due to who has nothing left."""
    found = list(addresses)
    if found:
        connection.execute(_SEEN, {"refs": [address.ref for address in found]})
        connection.execute(_VERIFIED, {"rows": as_parameter(found), "now": now})


def set_muted(connection: Connection, address: AddressRefs, muted: bool, now: datetime) -> None:
    """Store whether the owner of a mailbox wants mail about submissions they did not make."""
    values = {"mailbox": address.mailbox, "domain": address.domain, "muted": muted, "now": now}
    connection.execute(_MUTE, values)


def total_budget(connection: Connection, now: datetime, an_hour: int) -> tuple[int, int]:
    """Return how many mails have gone to all domains in the last hour, and how many may.

    Args:
        connection: the connection of a transaction.
        an_hour: the hourly budget while no one has confirmed anything (``TROIKA_CONFIRMATION_MAILS_AN_HOUR``).
    """
    values = {"hour_ago": now - HOUR, "day_ago": now - DAY, "enough": ENOUGH}
    sent, mailed, verified = connection.execute(_TOTALS, values).one()
    return int(sent), total_quota(an_hour, mailed, verified)


def take_due_mails(connection: Connection, now: datetime, limit: int, an_hour: int) -> list[DueMail]:
    """Take up to ``limit`` mails that may go now, count them, and postpone the next mail to each mailbox.

    Args:
        connection: the connection of the leader's transaction: no other process takes mails until it ends.
        limit: the maximum number of mails in one transaction.
        an_hour: the hourly budget, see :func:`total_budget`.
    """
    if not connection.execute(_ANY_DUE, {"now": now}).scalar_one():
        return []
    sent, quota = total_budget(connection, now, an_hour)
    due = {mailbox.mailbox: mailbox for mailbox in find_due(connection, now, limit, quota, sent)}
    if not due:
        return []
    values = {"mailboxes": list(due), "heads": HEADS, "now": now}
    taken = [
        DueMail(AddressRefs(ref, mailbox, due[mailbox].domain), email, language, pending)
        for mailbox, ref, email, language, pending in connection.execute(_TAKE_ADDRESS, values)
    ]
    _record_sent(connection, taken, due, now)
    return taken


def _record_sent(
    connection: Connection, taken: Sequence[DueMail], due: Mapping[bytes, DueMailbox], now: datetime
) -> None:
    mailed = {mail.address.mailbox for mail in taken}
    rows = [{"mailbox": box, "next_mail_at": next_mail_at(due[box].step + 1, now)} for box in mailed]
    connection.execute(_SENT, {"rows": as_parameter(rows), "now": now})
    connection.execute(_STOP_WAITING, {"mailboxes": [box for box in due if box not in mailed]})
    counts = Counter(ref for box in mailed for ref in {ALL, due[box].domain, *due[box].counted})
    if counts:
        began_at = now.replace(minute=now.minute - now.minute % 10, second=0, microsecond=0)
        counted = [{"domain": domain, "sent": sent} for domain, sent in counts.items()]
        connection.execute(_COUNT, {"rows": as_parameter(counted), "began_at": began_at})


def store_links(connection: Connection, links: Sequence[MintedLink], now: datetime, lifetime: timedelta) -> None:
    """Store new confirmation links by the hash of their tokens."""
    rows = [columns_of(link.mail, link.mail.address, link) for link in links]
    connection.execute(_LINKS, {"rows": as_parameter(rows), "now": now, "expires_at": now + lifetime})


def overdue_mails(connection: Connection, now: datetime) -> tuple[int, datetime | None]:
    """Return how many mailboxes wait for a mail that their spacing allows, and since when the first of them."""
    count, since = connection.execute(_OVERDUE, {"now": now, "most": MAX_COUNTED}).one()
    return int(count), since


HELD_BACK = timedelta(hours=1)
"""After this time a confirmation mail that its quota holds back no longer delays a managing link to its mailbox."""

_WANT_LINK = text("""
    WITH new AS MATERIALIZED (
        SELECT registration, decode(mailbox, 'hex') AS mailbox, decode(domain, 'hex') AS domain
        FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS new (registration uuid, mailbox text, domain text)
    ), boxes AS (
        INSERT INTO mailbox (mailbox_ref, domain_ref, next_mail_at) SELECT DISTINCT mailbox, domain, :now FROM new
        ON CONFLICT (mailbox_ref) DO UPDATE SET domain_ref = excluded.domain_ref RETURNING mailbox_ref
    )
    INSERT INTO waiting_link (registration_id, mailbox_ref, since)
    SELECT DISTINCT registration, mailbox, CAST(:now AS timestamptz) FROM new WHERE EXISTS (SELECT FROM boxes)
    ON CONFLICT (registration_id) DO NOTHING
""")
_TAKE_LINKS = text("""
    WITH due AS (
        SELECT DISTINCT ON (w.mailbox_ref) w.registration_id, w.mailbox_ref, m.step
        FROM waiting_link w JOIN mailbox m ON m.mailbox_ref = w.mailbox_ref
        WHERE m.next_mail_at <= :now
            AND (m.waiting_since IS NULL OR m.muted_at IS NOT NULL OR w.since <= m.waiting_since
                OR greatest(m.waiting_since, m.next_mail_at) < :held_since)
        ORDER BY w.mailbox_ref, w.since, w.registration_id LIMIT :limit
    ), taken AS (DELETE FROM waiting_link w USING due WHERE w.registration_id = due.registration_id)
    SELECT registration_id::text, mailbox_ref, step FROM due
""")
_LINK_SENT = text("""
    UPDATE mailbox m SET step = m.step + 1, last_mail_at = :now, next_mail_at = new.next_mail_at
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS new (mailbox text, next_mail_at timestamptz)
    WHERE m.mailbox_ref = decode(new.mailbox, 'hex')
""")


_MAILED = text("""
    INSERT INTO mailbox (mailbox_ref, domain_ref, next_mail_at)
    SELECT DISTINCT ON (mailbox) decode(mailbox, 'hex'), decode(domain, 'hex'), :now
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS new (mailbox text, domain text) ORDER BY mailbox
    ON CONFLICT (mailbox_ref) DO UPDATE SET domain_ref = excluded.domain_ref RETURNING mailbox_ref, step
""")
_ACTED = text("""
    WITH own AS (SELECT form, person_key, mailbox_ref FROM registration WHERE id = ANY(CAST(:ids AS uuid[]))),
    verified AS (
        DELETE FROM unverified_submission u USING own WHERE u.form = own.form AND u.person_key = own.person_key
    )
    UPDATE mailbox m SET step = 0, next_mail_at = :now, verified_at = coalesce(m.verified_at, :now)
    FROM own WHERE m.mailbox_ref = own.mailbox_ref
""")


def record_mailed(connection: Connection, addresses: Sequence[AddressRefs], now: datetime) -> None:
    """Postpone the next mail to these mailboxes: each gets the mail of a registration that no one has confirmed."""
    if addresses:
        steps = connection.execute(_MAILED, {"rows": as_parameter(addresses), "now": now}).all()
        rows = [{"mailbox": bytes(ref), "next_mail_at": next_mail_at(step + 1, now)} for ref, step in steps]
        connection.execute(_LINK_SENT, {"rows": as_parameter(rows), "now": now})


def record_acts(connection: Connection, registrations: Sequence[str], now: datetime) -> None:
    """Record that the owners of these registrations have used a link.

    The spacing of their mails starts again, and they no longer count for the quotas of forms without verification.
    """
    if registrations:
        connection.execute(_ACTED, {"ids": list(registrations), "now": now})


def want_links(connection: Connection, wanted: Sequence[tuple[LiveRegistration, AddressRefs]], now: datetime) -> None:
    """Record that the managing link of each registration is to be mailed; one that is wanted already waits on."""
    if wanted:
        rows = [
            {"registration": live.id, "mailbox": address.mailbox, "domain": address.domain} for live, address in wanted
        ]
        connection.execute(_WANT_LINK, {"rows": as_parameter(rows), "now": now})


def take_due_links(connection: Connection, now: datetime, limit: int) -> list[str]:
    """Take up to ``limit`` registrations whose link may be mailed now, and postpone the next mail to each mailbox.

    Args:
        connection: the connection of the leader's transaction: no other process takes mails until it ends.
        limit: the maximum number of mails in one transaction.
    """
    values = {"now": now, "held_since": now - HELD_BACK, "limit": limit}
    due = connection.execute(_TAKE_LINKS, values).fetchall()
    if due:
        rows = [{"mailbox": mailbox, "next_mail_at": next_mail_at(step + 1, now)} for _, mailbox, step in due]
        connection.execute(_LINK_SENT, {"rows": as_parameter(rows), "now": now})
    return [str(registration) for registration, _, _ in due]
