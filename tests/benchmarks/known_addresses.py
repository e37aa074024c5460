"""Addresses in every state that the system knows, created for P11."""

import http.client
import json
from collections.abc import Sequence
from urllib.parse import urlsplit

from tests.benchmarks.implementations import Running, wait_decided
from tests.benchmarks.intake_adapter import ACCEPTED, PATH, proofs
from tests.support.clients import all_at_once, answers

FEW = 25
"""Addresses of a kind: an attacker has a list, and tries it again and again."""
CLIENTS = 16

Addresses = dict[str, list[str]]
"""By what is known of them."""


def registered(run: Running, mark: str) -> Addresses:
    """Known to the registration service: registered, with a submission that waits for its owner, or blocked.

    Args:
        run: web processes and decider, with the webinar's form.
        mark: in the addresses, to have others each time.
    """
    kinds = ("registered", "waiting", "blocked")
    made = {kind: [f"{kind}-{mark}-{number}@example.org" for number in range(FEW)] for kind in kinds}
    contents = [answers(number, email=address) for number, address in enumerate(made["registered"])]
    _require_all(
        run.web.url, [one | {"altcha": proof} for one, proof in zip(contents, proofs(run.installation), strict=False)]
    )
    _require_all(run.web.url, [answers(number, email=address) for number, address in enumerate(made["waiting"])])
    wait_decided(run)
    for address in made["blocked"]:
        _block(run.web.url, run.installation.secrets.coordinator_key, address)
    return made


def _require_all(url: str, contents: Sequence[dict[str, object]]) -> None:
    given = all_at_once(url, [(content, {}) for content in contents], CLIENTS, PATH)
    assert {answer.status for answer in given} == {ACCEPTED}


def _block(url: str, key: str, address: str) -> None:
    place = urlsplit(url)
    connection = http.client.HTTPConnection(str(place.hostname), place.port, timeout=30)
    wanted = json.dumps({"email": address, "reason": "asked us never to be registered"})
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    connection.request("POST", "/v1/blocked-addresses", wanted, headers)
    assert connection.getresponse().status == 204
    connection.close()
