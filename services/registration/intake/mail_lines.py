"""Selects the confirmation mails that are due, within quotas, from the heads of lines: however many mailboxes wait.

A mailbox stands in the line of each client network that asked for its mail, by domain; a trigger on ``mailbox`` keeps
the lines (``waiting_network``). A turn reads some lines and the first mailboxes of each. So its cost depends on the
mails that it sends and not on those that wait, which any sender can make a million.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from secrets import token_bytes

from sqlalchemy import Connection, text

PER_DOMAIN_AN_HOUR = 100
PER_DOMAIN_A_DAY = 500
PER_NETWORK_A_DAY = 50
"""Mails that one client network may cause to mailboxes of one domain whose owners have not acted."""

PER_NETWORK_OVER_ALL_A_DAY = 300
"""The same over all domains, mail providers included."""

RESERVE = 50
"""Mails to a domain beyond its quotas, for client networks that have caused none to it that day."""

PER_VERIFIED_MAILBOX = 10
"""How many more an hour and a day a domain gets for each of its mailboxes whose owner has confirmed something, and how
many more a client network may cause there; over all domains, for each mailbox whose owner acted first after a mail that
the network had caused."""

CONFIRMATION_MAILS_AN_HOUR = 10_000
"""The budget over all, unless the settings have another, while few of the owners confirm."""

LITTLE = 10
"""A client network that has caused at most so many mails that day has caused little."""

FOR_ALL, FOR_LITTLE = 0.75, 0.9
"""Shares of the budget over all: which any mail may use; which one may use that a network caused that has caused
little, or one to a mailbox whose owner has acted. The rest is for such mails with a proof of work."""

BUCKET = timedelta(minutes=10)
"""Mails are counted in steps of this length; a window counts one step more, so that no hour has more than its quota."""

HOUR, DAY = timedelta(hours=1) + BUCKET, timedelta(days=1) + BUCKET

LINES = 500
"""Lines of each kind that one turn reads, each of a domain and a client network."""

HEADS = 50
"""Mailboxes of a line that one turn reads."""

HEADS_OF_NETWORK = 5
"""Mailboxes of one client network that are looked up, oldest first, to read their lines."""

ENOUGH = 10_000
"""Mailboxes that are counted, at most, where a quota grows with them."""

VERIFIED = b"\xff" * 32
"""In place of a client network: the line of the mailboxes of a domain whose owners have acted."""

_LINES = """
    WITH RECURSIVE line AS (
        (SELECT w.domain_ref, w.network, 1 AS number FROM waiting_network w
        WHERE w.due_at IS NOT NULL {proven} AND w.domain_ref BETWEEN :low AND :high
            AND (w.domain_ref, w.network) >= (:domain, :network)
        ORDER BY w.domain_ref, w.network, w.due_at LIMIT 1)
        UNION ALL
        SELECT following.*, line.number + 1 FROM line CROSS JOIN LATERAL (
            SELECT w.domain_ref, w.network FROM waiting_network w
            WHERE w.due_at IS NOT NULL {proven} AND w.domain_ref BETWEEN :low AND :high
                AND (w.domain_ref, w.network) > (line.domain_ref, line.network)
            ORDER BY w.domain_ref, w.network, w.due_at LIMIT 1
        ) AS following WHERE line.number < :lines
    ) SELECT domain_ref, network FROM line
"""
_BY_DOMAIN = text(_LINES.format(proven=""))
_BY_DOMAIN_PROVEN = text(_LINES.format(proven="AND w.proven"))
"""Lines from a domain and a network on, in the order of their references: one index descent for each line."""

_BY_NETWORK = text("""
    WITH RECURSIVE line AS (
        (SELECT w.network, 1 AS number FROM waiting_network w WHERE w.due_at IS NOT NULL AND w.network >= :network
        ORDER BY w.network, w.due_at LIMIT 1)
        UNION ALL
        SELECT following.network, line.number + 1 FROM line CROSS JOIN LATERAL (
            SELECT w.network FROM waiting_network w WHERE w.due_at IS NOT NULL AND w.network > line.network
            ORDER BY w.network, w.due_at LIMIT 1
        ) AS following WHERE line.number < :lines
    ) SELECT head.domain_ref, line.network FROM line CROSS JOIN LATERAL (
        SELECT w.domain_ref FROM waiting_network w WHERE w.network = line.network AND w.due_at <= :now
        ORDER BY w.due_at LIMIT :of_network
    ) AS head
""")
"""Lines in which the oldest due mailboxes of each network stand."""

_UNKNOWN = "decode(repeat('00', 32), 'hex')"
_OF_LINE = f"sha256(l.domain_ref || CASE WHEN l.network = {_UNKNOWN} THEN '' ELSE l.network END)"
_OF_NETWORK = "sha256(l.network || '*')"
"""Under which the mails are counted that one client network has caused to one domain, and to all. Mailboxes of which no
network is known, or no longer, count as those of one network."""

_SENT_SINCE = "coalesce((SELECT sum(c.sent) FROM mail_count c WHERE c.domain_ref = {ref} AND c.began_at > {since}), 0)"
_ROOM = "greatest(0, least(:heads, l.most - l.sent, l.left_over + :reserve))"

_DUE = text(f"""
    WITH line AS (
        SELECT DISTINCT * FROM unnest(CAST(:domains AS bytea[]), CAST(:networks AS bytea[])) AS l (domain_ref, network)
    ), quota AS (
        SELECT d.domain_ref, v.verified, least(
            :hourly + :more * v.verified - {_SENT_SINCE.format(ref="d.domain_ref", since=":hour_ago")},
            :daily + :more * v.verified - {_SENT_SINCE.format(ref="d.domain_ref", since=":day_ago")}) AS left_over
        FROM (SELECT DISTINCT domain_ref FROM line WHERE domain_ref <> '') AS d
        CROSS JOIN LATERAL (SELECT count(*) AS verified FROM (SELECT FROM mailbox m
            WHERE m.domain_ref = d.domain_ref AND m.verified_at IS NOT NULL LIMIT :enough) AS enough) AS v
    ), by_network AS (
        SELECT l.network, {_OF_NETWORK} AS of_network, {_SENT_SINCE.format(ref=_OF_NETWORK, since=":day_ago")} AS sent,
            :network_daily + :more * (SELECT count(*) FROM (SELECT FROM waiting_network a
                WHERE a.network = l.network AND a.acted LIMIT :enough) AS enough) AS most
        FROM (SELECT DISTINCT network FROM line WHERE network <> :verified) AS l
    ), counted AS MATERIALIZED (
        SELECT l.domain_ref, l.network, n.of_network, n.sent AS sent_over_all, n.most AS most_over_all, q.left_over,
            CASE WHEN n.network IS NOT NULL THEN {_OF_LINE} END AS of_line,
            CASE WHEN l.domain_ref = '' THEN 0 ELSE {_SENT_SINCE.format(ref=_OF_LINE, since=":day_ago")} END AS sent,
            CASE WHEN n.network IS NOT NULL THEN :line_daily + :more * q.verified END AS most
        FROM line l LEFT JOIN quota q USING (domain_ref) LEFT JOIN by_network n USING (network)
    ), of_lines AS (
        SELECT l.domain_ref, l.left_over, l.of_line, l.of_network, l.most_over_all, h.mailbox_ref, h.proven, h.due_at,
            l.sent + row_number() OVER (PARTITION BY l.domain_ref, l.network
                ORDER BY h.proven DESC, h.due_at, h.mailbox_ref) AS nth,
            CASE WHEN l.of_network IS NULL THEN 1 ELSE l.sent_over_all + row_number() OVER (PARTITION BY l.network
                ORDER BY h.proven DESC, h.due_at, h.mailbox_ref) END AS nth_over_all
        FROM counted l CROSS JOIN LATERAL (
            (SELECT w.mailbox_ref, w.proven, w.due_at FROM waiting_network w
            WHERE w.domain_ref = l.domain_ref AND w.network = l.network AND w.due_at <= :now AND w.proven
            ORDER BY w.due_at, w.mailbox_ref LIMIT {_ROOM})
            UNION
            (SELECT w.mailbox_ref, w.proven, w.due_at FROM waiting_network w
            WHERE w.domain_ref = l.domain_ref AND w.network = l.network AND w.due_at <= :now
            ORDER BY w.due_at, w.mailbox_ref LIMIT {_ROOM})
        ) AS h
        WHERE l.most_over_all IS NULL OR l.sent_over_all < l.most_over_all
    ), due AS (
        SELECT DISTINCT ON (mailbox_ref) *, nth_over_all <= :little AS little FROM of_lines
        WHERE most_over_all IS NULL OR nth_over_all <= most_over_all
        ORDER BY mailbox_ref, nth, nth_over_all, of_line
    ), ranked AS (
        SELECT *, row_number() OVER (PARTITION BY domain_ref ORDER BY proven DESC, nth, due_at, mailbox_ref) AS place,
            row_number() OVER (PARTITION BY domain_ref ORDER BY nth, due_at, mailbox_ref) AS fresh_place
        FROM due
    ), within_domains AS (
        SELECT *, row_number() OVER (PARTITION BY little
            ORDER BY proven DESC, nth_over_all, nth, due_at, mailbox_ref)
            AS place_over_all
        FROM ranked
        WHERE left_over IS NULL OR place <= left_over OR (nth = 1 AND fresh_place <= left_over + :reserve)
    )
    SELECT w.mailbox_ref, w.domain_ref, m.step, w.of_line, w.of_network
    FROM within_domains w JOIN mailbox m USING (mailbox_ref)
    WHERE w.place_over_all <= CASE WHEN NOT w.little THEN :left_for_all WHEN NOT w.proven THEN :left_for_little
        ELSE :left_over_all END
    ORDER BY w.proven DESC, w.nth_over_all, w.nth, w.due_at, w.mailbox_ref LIMIT :limit
""")  # noqa: S608 - a constant


_HELD = text("SELECT confirmation_mails_held(:most, :now)")


def are_mails_held(connection: Connection, now: datetime, an_hour: int) -> bool:
    """Whether the budget over all makes people wait: three quarters are used, and a mail has been due for five minutes.

    Args:
        connection: a connection of any process that serves the public.
        an_hour: the hourly budget while few owners confirm.
    """
    return bool(connection.execute(_HELD, {"most": round(FOR_ALL * an_hour), "now": now}).scalar_one())


@dataclass(frozen=True, slots=True)
class DueMailbox:
    """A mailbox whose mail may go now.

    Attributes:
        mailbox: the reference of the mailbox.
        domain: the reference of its domain; empty for a mail provider.
        step: the number of mails sent since its owner last acted.
        counted: the references under which its mail is counted, beside that of its domain.
    """

    mailbox: bytes
    domain: bytes
    step: int
    counted: tuple[bytes, ...]


def find_due(connection: Connection, now: datetime, limit: int, quota: int, sent: int) -> list[DueMailbox]:
    """Return up to ``limit`` mailboxes whose mail may go now.

    Args:
        connection: the connection of the leader's transaction.
        limit: the maximum number of mails in one transaction.
        quota: the mails an hour to all domains together.
        sent: the mails that went in the last hour.
    """
    lines = _lines(connection, now) if sent < quota else []
    if not lines:
        return []
    values = {
        "domains": [domain for domain, _ in lines],
        "networks": [network for _, network in lines],
        "now": now,
        "hour_ago": now - HOUR,
        "day_ago": now - DAY,
        "hourly": PER_DOMAIN_AN_HOUR,
        "daily": PER_DOMAIN_A_DAY,
        "line_daily": PER_NETWORK_A_DAY,
        "network_daily": PER_NETWORK_OVER_ALL_A_DAY,
        "more": PER_VERIFIED_MAILBOX,
        "reserve": RESERVE,
        "little": LITTLE,
        "verified": VERIFIED,
        "heads": HEADS,
        "enough": ENOUGH,
        "left_for_all": round(FOR_ALL * quota) - sent,
        "left_for_little": round(FOR_LITTLE * quota) - sent,
        "left_over_all": quota - sent,
        "limit": min(limit, quota - sent),
    }
    return [
        DueMailbox(bytes(mailbox), bytes(domain), step, tuple(bytes(ref) for ref in _counted(domain, line, network)))
        for mailbox, domain, step, line, network in connection.execute(_DUE, values)
    ]


def _counted(domain: bytes, line: bytes | None, network: bytes | None) -> Iterable[bytes]:
    return [ref for ref in (line if domain else None, network) if ref is not None]


def _lines(connection: Connection, now: datetime) -> list[tuple[bytes, bytes]]:
    """Return lines of domain and network, at most ``LINES`` of each kind.

    If there are more, each turn begins at another one, so that none is left out for long. Mailboxes with a proof of
    work and those at mail providers have lines of their own, and lines are read by domain and by network: who invents
    domains, or has many networks, keeps no one waiting who shares neither with them.
    """
    found: set[tuple[bytes, bytes]] = set()
    for statement in (_BY_DOMAIN_PROVEN, _BY_DOMAIN):
        for low, high in ((b"", b""), (b"\x00", VERIFIED)):
            begins = ((token_bytes(32) if low else b"", token_bytes(32)), (low, b""))
            of_kind: set[tuple[bytes, bytes]] = set()
            for domain, network in begins:
                values = {"low": low, "high": high, "domain": domain, "network": network, "lines": LINES}
                of_kind |= {(bytes(line[0]), bytes(line[1])) for line in connection.execute(statement, values)}
                if len(of_kind) >= LINES:
                    break
            found |= of_kind
    for network in (token_bytes(32), b""):
        values = {"network": network, "lines": LINES, "now": now, "of_network": HEADS_OF_NETWORK}
        found |= {(bytes(line[0]), bytes(line[1])) for line in connection.execute(_BY_NETWORK, values)}
    return sorted(found)
