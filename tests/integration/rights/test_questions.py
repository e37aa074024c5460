"""Every question and every job of the guides is answered by its program, which prints the output below it.

The programs run unchanged against the three applications on the sample, whose dates are moved to about today;
dates in programs and in what they print are moved with them.
"""

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack, redirect_stdout
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from flask.testing import FlaskClient
from requests.adapters import BaseAdapter

from deploy.local.installation import SAMPLE, WEBINAR, WEDNESDAY
from deploy.shape import service_for
from deploy.specs import build_applications
from services.events.event.model import Event, EventKind, EventStatus, Mode
from services.events.loading.folder import read_folder
from services.events.loading.moving import Loaded, moved, time_to_next
from services.events.loading.service import load_sample
from services.notifications.rules.service import announce_some
from services.registration.intake.queue import publish_key
from shared.db.engine import open_engine
from shared.db.unit_of_work import UnitOfWork
from shared.i18n.languages import Text
from shared.messaging.contracts.registry import SERVICES
from shared.runtime.clock import system_clock
from shared.runtime.ids import new_token, token_hash
from shared.security.sealing import read_keys
from tests.integration.registration.test_kinds import enrol
from tests.support.clients import answers, rows
from tests.support.in_process_bus import InProcessBus
from tests.support.installation import TestInstallation, make_installation
from tests.support.postgres import PostgresServer
from tests.support.proposals import FORM as PROPOSAL
from tests.support.proposals import proposal_answers
from tests.support.registration_service import RegistrationService, open_registration
from tests.support.web import load_folder

FOLDER = Path("docs/how-to")
GUIDES = ("ask-questions", "use-the-api")
ANNOUNCED = date(2020, 2, 27)
"""The day that is today in the guides: when the review was announced."""

LEAST_QUESTIONS, LEAST_JOBS = 15, 12
_HEADING = re.compile(r"^#{2,3} (.+)$", re.M)
_BLOCK = re.compile(r"^```(python|text)\n(.*?)^```$", re.M | re.S)
_DAY = re.compile(r"(?<!\d)20\d\d-\d\d-\d\d(?!\d)")


@dataclass(frozen=True, slots=True)
class Desk:
    """Attributes:
    apps: of the three services.
    installation: their databases and secrets.
    key: of a coordinator who reads sealed answers too.
    by: how far the sample was moved.
    bus: what the services publish for one another.
    """

    apps: dict[str, FlaskClient]
    installation: TestInstallation
    key: str
    by: timedelta
    bus: InProcessBus


class _Adapter(BaseAdapter):
    """What ``requests`` sends goes to the applications in this process."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk

    def send(self, request: requests.PreparedRequest, *_args: Any, **_more: Any) -> requests.Response:
        """Send a request to the application of the path, and then let every service consume the messages."""
        url = str(request.url)
        client = self._desk.apps[service_for(urlsplit(url).path)]
        given = client.open(url, method=request.method, data=request.body, headers=dict(request.headers))
        if request.method != "GET":
            self._desk.bus.deliver()
        answer = requests.Response()
        answer.status_code, answer.url, answer.request = given.status_code, url, request
        answer.headers.update(given.headers.items())
        answer.raw = BytesIO(given.data)
        return answer

    def close(self) -> None:
        """Nothing is open."""


@pytest.fixture(scope="module")
def desk(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """The sample, moved, with people on its forms, proposals, an offer and a bulletin that failed for someone."""
    installation = make_installation(postgres, tmp_path_factory.mktemp("questions"))
    loaded = read_folder(SAMPLE)
    by = time_to_next(loaded, WEBINAR, WEDNESDAY, system_clock())
    opened = ExitStack()
    bus = InProcessBus(installation, opened)
    _load(installation, moved(_with_side_events(loaded), by))
    bus.deliver()
    key = new_token()
    file = installation.secrets.folder / "access.json"
    roles = ["coordinator", "sealed-reader", "administrator"]
    holder = {"name": "a coordinator", "roles": roles, "key_sha256": token_hash(key).hex()}
    file.write_text(json.dumps([*json.loads(file.read_text()), holder]))
    engines = {name: open_engine(installation.urls[name]) for name in SERVICES}
    apps = {name: app.test_client() for name, app in build_applications(installation.secrets, engines).items()}
    made = Desk(apps, installation, key, by, bus)
    _ask(made, "POST", "/v1/side-event-forms", {"events": None})
    held = {"host_kind": "permanent_mission", "city": "Geneva", "working_group": "housing", "presentations": 3}
    _ask(made, "POST", "/v1/consultations", held)
    with open_registration(installation) as service:
        _register(service, by)
        bus.deliver()
        _offer(made)
        _bulletin(made)
        with service.deciding():
            yield made
    opened.close()
    for engine in engines.values():
        engine.dispose()


def _with_side_events(loaded: Loaded) -> Loaded:
    """The sample with two side events that overlap."""
    start = datetime(2020, 5, 8, 8, 0, tzinfo=UTC)
    side = Event(
        id="side-event-housing",
        kind=EventKind.SIDE_EVENT,
        title=Text.of("Homes for everybody"),
        starts_at=start,
        ends_at=start + timedelta(hours=1),
        time_zone="Europe/Zurich",
        status=EventStatus.CONFIRMED,
        mode=Mode.IN_PERSON,
        city="Geneva",
    )
    half_hour = timedelta(minutes=30)
    other = replace(
        side,
        id="side-event-policing",
        title=Text.of("Who polices the police?"),
        starts_at=start + half_hour,
        ends_at=start + 3 * half_hour,
    )
    return replace(loaded, events=(*loaded.events, side, other))


def _load(installation: TestInstallation, loaded: Loaded) -> None:
    engine = open_engine(installation.urls["events"])
    load_sample(UnitOfWork(engine, "events"), system_clock, loaded)
    engine.dispose()
    load_folder(installation, SAMPLE)
    engine = open_engine(installation.urls["registration"])
    keys = read_keys(installation.secrets.folder / "decider.key")
    publish_key(UnitOfWork(engine, "registration"), keys, datetime.now(UTC))
    engine.dispose()
    rows(installation.urls["registration"], "UPDATE seat SET capacity = 3 WHERE form = %s", WEBINAR)


def _register(service: RegistrationService, by: timedelta) -> None:
    """Three with a seat in the webinar, one who waits, three travellers, two members of a group, two proposals."""
    housing = {"working_group": "housing", "representative": True}
    service.enrol_all(
        [
            answers(0, partner="example-partner", **housing),
            answers(1, partner="example-partner", country="US", organisation="Organisation 0"),
            answers(2, language="fr", country="FR"),
            answers(3),
        ]
    )
    for number in (0, 4):
        enrol(service, "join-working-group", name=f"Participant {number}", working_group="housing", **_of(number))
    days = [(date.fromisoformat(day) + by).isoformat() for day in ("2020-05-08", "2020-05-10", "2020-05-12")]
    block = {"hotel": "block", "leaves_on": days[2]}
    captions = {"access_needs": "Live captions"}
    enrol(service, "geneva-delegation", name="Participant 1", **_of(1), **block, hotel_nights=4, arrives_on=days[0])
    enrol(service, "geneva-delegation", name="Participant 5", **_of(5), **captions, **block, hotel_nights=2,
          arrives_on=days[1])  # fmt: skip
    enrol(service, "geneva-delegation", name="Participant 6", **_of(6))
    for form in ("side-event-housing", "side-event-policing"):
        enrol(service, form, name="Participant 1", **_of(1))
    speakers = ("A first speaker\nA second speaker", "A second speaker")
    for title, names in zip(("Homes for everybody", "Who polices the police?"), speakers, strict=True):
        proposer = {"email": f"{title[:3].lower()}@example.org", "working_group": "housing"}
        service.enrol(proposal_answers(title, speakers=names, **proposer), PROPOSAL)


def _of(number: int) -> dict[str, str]:
    return {"email": f"participant-{number}@example.org"}


def _ask(desk: Desk, method: str, path: str, content: Any = None, **headers: str) -> Any:
    client = desk.apps[service_for(path.partition("?")[0])]
    with_key = {"Authorization": f"Bearer {desk.key}", **headers}
    answer = client.open(path, method=method, json=content, headers=with_key)
    assert answer.status_code < 300, answer.text
    desk.bus.deliver()
    return answer.get_json()


def _offer(desk: Desk) -> None:
    """A seat for the person who waits, until the end of today."""
    url = desk.installation.urls["registration"]
    rows(url, "UPDATE seat SET capacity = 4 WHERE form = %s", WEBINAR)
    [waiting] = _ask(desk, "GET", f"/v1/registrations?form={WEBINAR}&status=waitlisted")["items"]
    _ask(desk, "PUT", f"/v1/registrations/{waiting['id']}/offer", {"hours": 1}, **{"If-Match": '"1"'})
    tonight = datetime.now(UTC).replace(hour=23, minute=59, second=59)
    rows(url, "UPDATE registration SET offer_expires_at = %s WHERE id = %s", tonight, waiting["id"])


def _bulletin(desk: Desk) -> None:
    """Sent to everyone of the webinar; for one of them the relay refused it."""
    texts = {"en": {"subject": "The review is near", "text": "Please read the brief."}}
    made = _ask(desk, "POST", "/v1/bulletins", {"segment": {"event": [WEBINAR]}, "texts": texts})
    path = f"/v1/bulletins/{made['id']}"
    shown = _ask(desk, "POST", f"{path}/preview")
    order = {"expected": shown["audience"], "mark": shown["mark"], "confirmed": shown["warnings"]}
    _ask(desk, "POST", f"{path}/send", order)
    engine = open_engine(desk.installation.urls["notifications"])
    announce_some(UnitOfWork(engine, "notifications"), system_clock, "example.org")
    engine.dispose()
    one = "SELECT id FROM mail WHERE kind = 'bulletin' AND state = 'queued' ORDER BY number LIMIT 1"
    failed = "UPDATE mail SET state = 'failed', reason = %s, due_at = NULL, ended_at = now() WHERE id = "
    rows(desk.installation.urls["notifications"], f"{failed}({one})", "550 5.1.1 no such mailbox")


def _programs(guide: str) -> list[tuple[str, str, str]]:
    """(heading, program, what it prints) of a guide, in order; the first one is what the others begin with."""
    parts = _HEADING.split((FOLDER / f"{guide}.md").read_text(encoding="utf-8"))[1:]
    sections = zip(parts[::2], (dict(_BLOCK.findall(part)) for part in parts[1::2]), strict=True)
    return [(heading, blocks["python"], blocks.get("text", "")) for heading, blocks in sections if "python" in blocks]


def _moved_days(text: str, by: timedelta) -> str:
    return _DAY.sub(lambda found: (date.fromisoformat(found[0]) + by).isoformat(), text)


def _with_moved_dates(text: str, by: timedelta) -> str:
    """What was printed, with the days of the guides."""
    today = datetime.now(UTC).date()
    back = {today.isoformat(): ANNOUNCED.isoformat()}
    return _DAY.sub(lambda found: back.get(found[0]) or (date.fromisoformat(found[0]) - by).isoformat(), text)


def test_guides_have_as_many_as_they_promise() -> None:
    questions, jobs = (len(_programs(guide)) - 1 for guide in GUIDES)
    assert (questions >= LEAST_QUESTIONS, jobs >= LEAST_JOBS) == (True, True)


def test_programs_print_the_documented_output(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The questions first: the jobs change what they are about."""
    monkeypatch.setenv("TROIKA_URL", "https://console.example.org")
    monkeypatch.setenv("TROIKA_KEY", desk.key)
    printed, promised = {}, {}
    for guide in GUIDES:
        names: dict[str, Any] = {}
        for heading, program, expected in _programs(guide):
            output = StringIO()
            with redirect_stdout(output):
                exec(compile(_moved_days(program, desk.by), heading, "exec"), names)
            names["session"].mount("https://", _Adapter(desk))
            printed[heading], promised[heading] = _with_moved_dates(output.getvalue(), desk.by), expected
    assert printed == promised
