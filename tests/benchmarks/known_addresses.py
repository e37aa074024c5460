"""Addresses of which something is known already, made for P11."""

import http.client
import json
from collections.abc import Sequence
from urllib.parse import urlsplit

from services.events.usecases import submit_proposal
from services.registration.domain.intake import MOST_A_DAY
from tests.benchmarks.intake_adapter import ACCEPTED, PATH, path_of
from tests.integration.events.side_events import an_answer
from tests.support.clients import all_at_once, answers, rows
from tests.support.installation import TestInstallation

PROPOSALS = "/v1/proposals"
PROPOSED = 201
"""Their intake is one of its own."""

FEW = 25
"""Addresses of a kind that is the same however often one asks: whoever asks has a list, and goes through it again."""
CLIENTS = 16
COPIES = """
    WITH made AS (
        INSERT INTO form (slug, kind, event_id, definition, verification, waiting_list, partners,
            promotion_notice_minutes, open, revision)
        SELECT 'copy-' || n, kind, event_id, definition, verification, waiting_list, partners, promotion_notice_minutes,
            open, 1 FROM form, generate_series(1, %s) AS n WHERE slug = 'upr-webinar-10'
        ON CONFLICT DO NOTHING RETURNING slug
    ) INSERT INTO seat (form) SELECT slug FROM made
"""
YESTERDAY = "UPDATE registration SET accepted_at = accepted_at - interval '25 hours'"

Addresses = dict[str, list[str]]
"""By what is known of them."""


def registered(installation: TestInstallation, url: str, count: int, mark: str) -> Addresses:
    """Known to the registration service: registered, blocked, or on as many forms as anybody may be in a day.

    The owner of one that was registered yesterday is told of the first attempt, so each of those is asked for once.

    Args:
        installation: with the webinar's form.
        url: of its web service.
        count: of those of yesterday.
        mark: in the addresses, to have others each time.
    """
    kinds = {"registered yesterday": count, "registered": FEW, "blocked": FEW, "over limit": FEW}
    made = {
        kind: [f"{kind.replace(' ', '-')}-{mark}-{n}@example.org" for n in range(most)] for kind, most in kinds.items()
    }
    database = installation.urls["registration"]
    _send(url, PATH, made["registered yesterday"])
    rows(database, YESTERDAY)
    rows(database, COPIES, MOST_A_DAY)
    _send(url, PATH, made["registered"])
    for number in range(1, MOST_A_DAY + 1):
        _send(url, path_of(f"copy-{number}"), made["over limit"])
    for address in made["blocked"]:
        _block(url, installation.secrets.coordinator_key, address)
    return made


def proposed_too_often(url: str, mark: str) -> Addresses:
    """Known to the events service at ``url``: they have proposed as often as anybody may in a day."""
    addresses = [f"proposed-{mark}-{number}@example.org" for number in range(FEW)]
    often = [an_answer(f"Idea {n}", email=address) for n in range(submit_proposal.MOST_A_DAY) for address in addresses]
    _require_all(url, PROPOSALS, often, PROPOSED)
    return {"proposal over limit": addresses}


def _send(url: str, path: str, addresses: Sequence[str]) -> None:
    _require_all(url, path, [answers(number, email=address) for number, address in enumerate(addresses)], ACCEPTED)


def _require_all(url: str, path: str, contents: Sequence[dict[str, object]], status: int) -> None:
    given = all_at_once(url, [(content, {}) for content in contents], CLIENTS, path)
    assert {answer.status for answer in given} == {status}


def _block(url: str, key: str, address: str) -> None:
    place = urlsplit(url)
    connection = http.client.HTTPConnection(str(place.hostname), place.port, timeout=30)
    wanted = json.dumps({"email": address, "reason": "asked us never to be registered"})
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    connection.request("POST", "/v1/blocked-addresses", wanted, headers)
    assert connection.getresponse().status == 204
    connection.close()
