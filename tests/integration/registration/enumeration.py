"""What stands between somebody who asks and an address: the ways in which it can be known already, and what is seen."""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from flask.testing import FlaskClient
from services.registration.domain.intake import MOST_A_DAY

from tests.support.clients import WEBINAR, answers, rows
from tests.support.installation import TestInstallation

ADDRESS = "somebody@example.org"
COPY = """
    INSERT INTO form (slug, kind, event_id, definition, verification, waiting_list, partners,
        promotion_notice_minutes, open, revision)
    SELECT 'copy-' || n, kind, event_id, definition, verification, waiting_list, partners, promotion_notice_minutes,
        open, 1 FROM form, generate_series(1, %s) AS n WHERE slug = %s
"""
EVERYWHERE = """
    INSERT INTO registration
    SELECT (jsonb_populate_record(r, jsonb_build_object('id', gen_random_uuid(), 'form', 'copy-' || n,
        'token_hash', sha256(convert_to(n::text, 'UTF8')), 'verify_hash', NULL))).*
    FROM registration r, generate_series(2, %s) AS n WHERE r.form = 'copy-1'
"""
"""Whoever is on the first of the copies is on all of them."""
UUID = re.compile(rb"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
NONCE = re.compile(rb"(?<=nonce=\")[\w-]{22}(?=\")|(?<='nonce-)[\w-]{22}(?=')")
ONCE = ("X-Correlation-Id", "Date")
"""Headers that are another one at each answer."""


class Place:
    """A form and its coordinators."""

    def __init__(self, client: FlaskClient, installation: TestInstallation) -> None:
        self.client, self.url = client, installation.urls["registration"]
        self._coordinator = {"Authorization": f"Bearer {installation.secrets.coordinator_key}"}

    def new(self) -> None:
        """Nobody has ever heard of the address."""

    def duplicate(self) -> None:
        """It is registered, by a mail that went out just now."""
        assert self.send(ADDRESS).status_code == 201

    def duplicate_of_yesterday(self) -> None:
        """It is registered, and whoever owns it is told of this attempt."""
        self.duplicate()
        rows(self.url, "UPDATE registration SET accepted_at = accepted_at - interval '25 hours'")

    def blocked(self) -> None:
        """A coordinator wants nothing of it."""
        self.block(ADDRESS)

    def over_limit(self) -> None:
        """It is on as many forms as anybody may be in a day."""
        rows(self.url, COPY, MOST_A_DAY, WEBINAR)
        rows(self.url, "INSERT INTO seat (form) SELECT slug FROM form WHERE slug LIKE 'copy-%%'")
        assert self.send(ADDRESS, form="copy-1").status_code == 201
        rows(self.url, EVERYWHERE, MOST_A_DAY)

    def block(self, address: str) -> None:
        """As a coordinator does."""
        wanted = {"email": address, "reason": "asked us never to be registered"}
        answer = self.client.post("/v1/blocked-addresses", json=wanted, headers=self._coordinator)
        assert answer.status_code == 204, answer.get_data()

    def send(
        self,
        address: str,
        *,
        form: str = WEBINAR,
        as_page: bool = False,
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> Any:
        """A registration of ``address``, by a program or by a browser."""
        filled = answers(1, email=address)
        place = f"/v1/forms/{form}/registrations"
        if not as_page:
            return self.client.post(place, json=filled, headers=headers)
        page = {"Accept": "text/html", "Accept-Language": "fr", **headers}
        return self.client.post(place, data={**filled, "consent": "on", "partner": "example-partner"}, headers=page)


WAYS: dict[str, Callable[[Place], None]] = {
    "new": Place.new,
    "duplicate": Place.duplicate,
    "duplicate of yesterday": Place.duplicate_of_yesterday,
    "blocked": Place.blocked,
    "over limit": Place.over_limit,
}


def seen(answer: Any) -> tuple[Any, ...]:
    """All bytes of an answer, with the same in place of ids, nonces and moments."""
    headers = [(name, NONCE.sub(b"-", value.encode())) for name, value in answer.headers if name not in ONCE]
    body = NONCE.sub(b"-", UUID.sub(b"-", answer.get_data()))
    return answer.status, sorted(headers), body


def went_out(url: str) -> list[str]:
    """Types of what is said to others, in order."""
    return [kind.removeprefix("org.troika.") for (kind,) in rows(url, "SELECT type FROM outbox ORDER BY id")]
