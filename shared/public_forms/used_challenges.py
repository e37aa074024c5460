"""Challenges that were solved and used: each stands once in the table of its service, ``used_challenge``, and is
forgotten when it could not be used any more."""

from datetime import datetime

from sqlalchemy import Connection, text

from shared.public_forms.work_asked import MOST_COUNTED, RUSH_WINDOW

_USE = text("""
    INSERT INTO used_challenge (id, form, used_at) VALUES (:id, :form, :now) ON CONFLICT (id) DO NOTHING RETURNING id
""")
_COUNT = text("""
    SELECT count(*) FROM
        (SELECT FROM used_challenge WHERE form = :form AND used_at > :since LIMIT :most) AS lately
""")


def use_challenge(connection: Connection, challenge: bytes, form: str, now: datetime) -> bool:
    """Use ``challenge`` up, with what else this transaction stores; False if it was used before.

    Of many at once all others wait for the first one's end.
    """
    return connection.execute(_USE, {"id": challenge, "form": form, "now": now}).first() is not None


def used_lately(connection: Connection, form: str, now: datetime) -> int:
    """How many challenges of ``form`` were used in the time that decides how much work the next one asks for.

    All processes count the same rows, so they ask for the same work. It is never counted further than matters.
    """
    return int(
        connection.execute(_COUNT, {"form": form, "since": now - RUSH_WINDOW, "most": MOST_COUNTED}).scalar_one()
    )
