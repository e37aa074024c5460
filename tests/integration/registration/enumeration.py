"""What an attacker may try to find out about an address: its possible states, and what each route reveals."""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from services.registration.intake.facts import MAX_CANDIDATES
from tests.support.clients import SUBMISSIONS, answers
from tests.support.registration_service import RegistrationService

ADDRESS = "somebody@example.org"
RECEIPT = re.compile(rb"(?<=/receipts/)[a-z2-7]{32}|(?<=\"receipt\": \")[a-z2-7]{32}|(?<=\"receipt\":\")[a-z2-7]{32}")
CODE = re.compile(rb"\b[2-9A-HJKMNP-Z]{4}\b")
NONCE = re.compile(rb"(?<=nonce=\")[\w-]{22}(?=\")|(?<='nonce-)[\w-]{22}(?=')")
ONCE = ("X-Correlation-Id", "Date")
"""Headers that are another one at each answer."""


class Place:
    """A form and its coordinators."""

    def __init__(self, service: RegistrationService) -> None:
        self.service = service
        key = service.installation.secrets.coordinator_key
        self._coordinator = {"Authorization": f"Bearer {key}"}

    def new(self) -> None:
        """Nothing is known about the address."""

    def duplicate(self) -> None:
        """It is registered."""
        self.service.enrol(answers(1, email=ADDRESS))

    def pending(self) -> None:
        """It waits for its owner."""
        assert self.send(ADDRESS).status_code == 202
        self.service.decide()

    def blocked(self) -> None:
        """A coordinator wants nothing of it."""
        self.block(ADDRESS)

    def over_limit(self) -> None:
        """As many candidates wait for it as may wait at all."""
        for number in range(MAX_CANDIDATES):
            headers = {"X-Forwarded-For": f"203.0.113.{number}"}
            assert self.send(ADDRESS, headers=headers, name=f"Person {number}").status_code == 202
        self.service.decide()

    def block(self, address: str) -> None:
        """As a coordinator does."""
        wanted = {"email": address, "reason": "asked us never to be registered"}
        answer = self.service.client.post("/v1/blocked-addresses", json=wanted, headers=self._coordinator)
        assert answer.status_code == 204, answer.get_data()

    def send(
        self,
        address: str,
        *,
        as_page: bool = False,
        headers: Mapping[str, str] = MappingProxyType({}),
        **others: Any,
    ) -> Any:
        """A submission of ``address``, by a program or by a browser."""
        filled = answers(1, email=address, **others)
        if not as_page:
            return self.service.client.post(SUBMISSIONS, json=filled, headers=headers)
        page = {"Accept": "text/html", "Accept-Language": "fr", **headers}
        content = {**filled, "consent": "on", "partner": "example-partner"}
        return self.service.client.post(SUBMISSIONS, data=content, headers=page)


WAYS: dict[str, Callable[[Place], None]] = {
    "new": Place.new,
    "duplicate": Place.duplicate,
    "pending": Place.pending,
    "blocked": Place.blocked,
    "over limit": Place.over_limit,
}


def seen(answer: Any) -> tuple[Any, ...]:
    """All bytes of an answer, with the same in place of receipts, codes, nonces and times."""

    def plain(text: bytes) -> bytes:
        return CODE.sub(b"CODE", RECEIPT.sub(b"-", NONCE.sub(b"-", text)))

    headers = [(name, plain(value.encode())) for name, value in answer.headers if name not in ONCE]
    return answer.status, sorted(headers), plain(answer.get_data())
