"""The three applications behind HTTPS, one registered person, and a key for every kind of caller."""

import json
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from uuid import UUID

from flask import Flask
from sqlalchemy import Engine
from werkzeug.test import TestResponse

from deploy.specs import build_applications
from services.console_pages import SIGN_OUT
from services.notifications.recipients.service import make_unsubscribe_token
from services.registration.embed.pages import pinned_script
from services.registration.web import open_intake_engine
from shared.db.engine import open_engine
from shared.http.sign_in import CookieKeys, SignIn
from shared.messaging.contracts.payloads import ROLES
from shared.messaging.contracts.registry import SERVICES
from shared.runtime.clock import system_clock
from shared.runtime.ids import new_token, token_hash
from shared.security.sealing import Vault, read_keys
from tests.support.clients import WEBINAR, address_of, answers
from tests.support.installation import TestInstallation, make_installation
from tests.support.postgres import PostgresServer
from tests.support.proposals import FORM as PROPOSAL
from tests.support.proposals import proposal_answers, publish_to_events
from tests.support.registration_service import RegistrationService, open_registration
from tests.support.sample_databases import fill
from tests.support.signed_in import spread_sessions

HOST = "registration.example.org"
ORIGIN = f"https://{HOST}"
COOKIE = "__Host-troika"
PERSON = "Canary Person 7f3a"
ADDRESS = "canary-7f3a@example.org"
TITLE = "A canary of a side event 7f3a"
LONG_AGO = "2020-03-04T19:00:00Z"

_ADDRESSES = ip_network("198.18.0.0/15").hosts()
"""For measurements (RFC 2544): more than there are requests."""

WHOLE = "whole"
"""Holds every role that people of the network may hold together; a partner's is separate."""
LIMITED = "limited"
"""The same, but for one form, to which none of the content belongs."""
EXPIRED = "expired"
"""The same, but its time is over."""
WITHDRAWN = "withdrawn"
"""The same, but no longer in the access file."""
UNKNOWN = "unknown"
"""Never was in it."""
SIGNING_IN = (*ROLES, WHOLE, LIMITED)
OTHER_FORM = "another-form"
PARTNER = "partner"
UNKNOWN_ID = "01890000-0000-7000-8000-000000000000"


@dataclass(frozen=True, slots=True)
class ServicesUnderTest:
    """Attributes:
    apps: by service.
    keys: by kind of caller; a caller with one role alone is named by it.
    cookies: by kind of caller: what signing in gave them.
    values: the value of each argument of a rule, by service.
    installation: databases and secrets.
    engines: by service, and of submissions (``intake``).
    registration: the registration service on the same databases, with its decider.
    """

    apps: Mapping[str, Flask]
    keys: Mapping[str, str]
    cookies: Mapping[str, str]
    values: Mapping[str, Mapping[str, str]]
    installation: TestInstallation
    engines: Mapping[str, Engine]
    registration: RegistrationService

    def ask(
        self, service: str, method: str, path: str, *, key: str = "", cookie: str = "", **request: Any
    ) -> TestResponse:
        """Return the answer to a request with the key, or the cookie, of that kind of caller.

        A caller that signs out has signed in for it: the others need their cookies. Each request comes from another
        address, since there are thousands within seconds.
        """
        headers = dict(request.pop("headers", {}))
        if key:
            headers["Authorization"] = f"Bearer {self.keys[key]}"
        client = self.apps[service].test_client(use_cookies=bool(cookie))
        if cookie:
            value = self.sign_in(cookie) if path in SIGN_OUT and cookie in SIGNING_IN else self.cookies[cookie]
            client.set_cookie(COOKIE, value, domain=HOST)
        if not path.startswith("/-/"):  # that is for this machine
            client.environ_base["REMOTE_ADDR"] = str(next(_ADDRESSES))
        return client.open(path, method=method, base_url=ORIGIN, headers=headers, buffered=True, **request)

    def sign_in(self, name: str) -> str:
        """The cookie that someone gets."""
        given, own = {"key": self.keys[name]}, {"Sec-Fetch-Site": "same-origin"}
        answer = self.ask("registration", "POST", "/console/sign-in", data=given, headers=own)
        assert answer.status_code == 303
        spread_sessions(self.installation.urls)
        found = re.match(rf"{COOKIE}=([^;]+);", answer.headers["Set-Cookie"])
        assert found is not None
        return found[1]


@contextmanager
def open_services(postgres: PostgresServer, folder: Path) -> Iterator[ServicesUnderTest]:
    """Services with content; their databases' connections are closed afterwards."""
    installation = make_installation(postgres, folder)
    engines = {name: open_engine(installation.url(name, "web")) for name in SERVICES}
    engines["intake"] = open_intake_engine(installation.url("registration", "web"))
    opened = ExitStack()
    try:
        fill(installation)
        registration = opened.enter_context(open_registration(installation))
        keys = {name: new_token() for name in (*ROLES, WHOLE, LIMITED, EXPIRED, WITHDRAWN, UNKNOWN)}
        access = installation.secrets.folder / "access.json"
        access.write_text(json.dumps(holders(keys, WITHDRAWN)))
        apps = build_applications(installation.secrets, engines)
        services = ServicesUnderTest(apps, keys, {}, {}, installation, engines, registration)
        cookies = {name: services.sign_in(name) for name in keys if name not in (EXPIRED, UNKNOWN)}
        access.write_text(json.dumps(holders(keys)))
        cookies |= {name: _forged(installation, keys[name]) for name in (EXPIRED, UNKNOWN)}
        yield ServicesUnderTest(apps, keys, cookies, _live_in(services), installation, engines, registration)
    finally:
        opened.close()
        for engine in engines.values():
            engine.dispose()


def holders(keys: Mapping[str, str], *also: str) -> list[dict[str, Any]]:
    """The access file: every role alone, all of them, all for one form, all until long ago, and ``also``."""
    whole = {"roles": [role for role in ROLES if role != PARTNER]}
    entries: dict[str, dict[str, Any]] = {
        **{role: {"roles": [role]} for role in ROLES},
        PARTNER: {"roles": [PARTNER], "partner": WEBINAR},
        WHOLE: whole,
        LIMITED: {**whole, "forms": [OTHER_FORM]},
        EXPIRED: {**whole, "until": LONG_AGO},
        **dict.fromkeys(also, whole),
    }
    return [{"name": f"holder {name}", "key_sha256": token_hash(keys[name]).hex(), **e} for name, e in entries.items()]


def _forged(installation: TestInstallation, key: str) -> str:
    """What someone had who signed in before: rightly signed, for a key that is worth nothing now."""
    signing = read_keys(installation.secrets.folder / "signing.key")
    sign_in = SignIn(None, CookieKeys.of_signer(signing), None, str, secure=True)  # type: ignore[arg-type]
    return sign_in.cookie_value(token_hash(key).hex(), "a session", time.time())


def _live_in(services: ServicesUnderTest) -> dict[str, dict[str, str]]:
    """Someone registers, someone proposes a side event, a bulletin is drafted, a timetable is asked for."""
    whole = {"key": WHOLE}
    receipt, confirmation_token = _pending(services)
    registered = services.registration.enrol(answers(1, name=PERSON, email=ADDRESS, access_needs="A ramp"))
    proposed = services.registration.enrol(proposal_answers(TITLE, name=PERSON, email=ADDRESS), PROPOSAL)
    publish_to_events(services.registration)
    gone = _erased(services)
    texts = {"en": {"subject": "News", "text": "There are news."}}
    drafted = services.ask("notifications", "POST", "/v1/bulletins", json={"segment": {}, "texts": texts}, **whole)
    receiver = {"partner": "example-partner", "url": "https://hooks.example.org/"}
    webhook = services.ask("notifications", "POST", "/v1/webhooks", json=receiver, **whole)
    job = services.ask("events", "POST", "/v1/schedule/solve", **whole)
    assert (drafted.status_code, job.status_code) == (201, 202)
    assert services.ask("registration", "POST", f"/v1/form-drafts/{WEBINAR}", **whole).status_code == 201
    unwanted = {"email": "unwanted@example.org", "reason": "asked us never to be registered"}
    assert services.ask("registration", "POST", "/v1/blocked-addresses", json=unwanted, **whole).status_code == 204
    blocked = services.ask("registration", "GET", "/v1/blocked-addresses", **whole).get_json()["items"][0]
    links = next(box for box in services.registration.boxes("registration.confirmed") if box["address"] == ADDRESS)
    mail = services.ask("notifications", "GET", "/v1/mails", **whole).get_json()["items"][0]
    room = services.ask("events", "GET", "/v1/rooms").get_json()["items"][0]
    resource = services.ask("events", "GET", "/v1/resources", **whole).get_json()["items"][0]
    series = services.ask("events", "GET", "/v1/series").get_json()["items"][0]
    group = services.ask("events", "GET", "/v1/working-groups").get_json()["items"][0]
    return {
        "registration": {
            "slug": WEBINAR,
            "registration_id": registered,
            "erased_id": gone,
            "token": links["token"],
            "view_token": links["view"],
            "join_token": links["join"],
            "undo_token": _moved(services),
            "confirmation_token": confirmation_token,
            "receipt": receipt,
            "step": "answers",
            "position": "0",
            "name": "frame.js",
            "mark": pinned_script()[0].removeprefix("/embed/troika-").removesuffix(".js"),
            "blocked_id": str(blocked["id"]),
            "note_id": UNKNOWN_ID,
            "view_id": UNKNOWN_ID,
            "import_id": _imported(services),
            "list_id": _listed(services, "access", 201),
            "approval_id": _listed(services, "everything", 202),
            "kind": "csv",
            "holder_id": str(UUID(int=1)),
            "session": "ab" * 32,
        },
        "events": {
            "event_id": WEBINAR,
            "action": "postpone",
            "step_name": "postpone",
            "resource_id": resource["id"],
            "proposal_id": proposed,
            "job_id": str(job.get_json()["id"]),
            "kind": "webinar",
            "part": "rooms",
            "item_id": resource["id"],
            "room_id": room["id"],
            "series_id": series["id"],
            "group_id": group["id"],
            "number": "1",
            "other": "1",
        },
        "notifications": {
            "bulletin_id": str(drafted.get_json()["id"]),
            "mail_id": str(mail["id"]),
            "webhook_id": str(webhook.get_json()["id"]),
            "person_ref": "ab" * 32,
            "token": _way_out(services),
        },
    }


def _imported(services: ServicesUnderTest) -> str:
    """The id of an import whose file has come; its content is shown to its uploader."""
    path, file = f"/v1/imports?form={WEBINAR}", b"email\nimported@example.org\n"
    answer = services.ask("registration", "POST", path, key="coordinator", data=file, content_type="text/csv")
    return str(answer.get_json()["id"])


def _listed(services: ServicesUnderTest, purpose: str, status: int) -> str:
    """The id of a list of sealed answers; of the whole one, which waits for a second person."""
    asked = {"purpose": purpose, "form": WEBINAR, "reason": "Captions are ordered", "names": True}
    opened = services.ask("registration", "POST", "/v1/sealed-lists", json=asked, key=WHOLE)
    assert opened.status_code == status, opened.text
    return str(opened.get_json()["id"])


def _erased(services: ServicesUnderTest) -> str:
    """The id of a registration of which nothing is left: erasing it again changes nothing."""
    registration = services.registration.enrol(answers(3))
    assert services.registration.own(services.registration.own_token(3), "erase").status_code == 303
    return registration


def _moved(services: ServicesUnderTest) -> str:
    """The token of the link by which someone can take back a change of their address."""
    services.registration.register(4)
    services.registration.move(4, "moved@example.org")
    return services.registration.undo_token(address_of(4))


def _pending(services: ServicesUnderTest) -> tuple[str, str]:
    """The receipt of a submission that waits for its owner, and the token of their link."""
    receipt = services.registration.submit(answers(2)).get_json()["receipt"]
    services.registration.decide()
    return str(receipt), services.registration.confirmation_token("participant-2@example.org")


def _way_out(services: ServicesUnderTest) -> str:
    vault = Vault(read_keys(services.installation.secrets.folder / "unsubscribe.key"))
    return make_unsubscribe_token(vault, "ab" * 32, "en", system_clock())
