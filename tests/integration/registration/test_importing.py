"""Importing people from a file: a preview of each row, then registration in the background, once."""

import io
import json
import re
from collections.abc import Sequence
from itertools import cycle
from typing import Any

import pytest
import xlsxwriter
from werkzeug.test import TestResponse

from services.registration.importing import service as importing
from services.registration.intake import queue
from services.registration.intake.plan_writer import PlanWriter
from services.registration.sealing.encryption import open_answers
from services.registration.sealing.key_folder import KeyFolder
from services.registration.sealing.key_store import FormKeys
from services.registration.workers import MAX_ATTEMPTS
from shared.runtime import failpoints
from shared.runtime.ids import new_token, token_hash
from tests.integration.rights.conftest import OWN_SITE
from tests.support.clients import WEBINAR, address_of, answers, rows
from tests.support.registration_service import RegistrationService
from tests.support.waiting import poll_until

Headers = dict[str, Any]
PATH = "/v1/imports"
PAGES = "/console/registrations/imports"
HEADINGS = ("Timestamp", "Email Address", "Full name", "Access needs", "Country", "Shoe size")
CONFIRMATION = {"reason": "They signed the list of the meeting."}


def csv_of(*lines: Sequence[str]) -> bytes:
    """A file as Google Forms exports one, with the headings."""
    return "\r\n".join(",".join(f'"{cell}"' for cell in line) for line in (HEADINGS, *lines)).encode()


def person(number: int, needs: str = "", country: str = "CH") -> tuple[str, ...]:
    """A row of the participant with this number."""
    return ("2020/02/20 10:00:00 AM GMT+1", address_of(number), f"Participant {number}", needs, country, "42")


STATES = ("Completed", "Pending", "Rejected", "Withdrawn", "Awaiting payment", "approved", "denied", "cancelled")


class Desk:
    """A coordinator's program, and the process that imports."""

    def __init__(self, service: RegistrationService, headers: Headers) -> None:
        self.service, self._headers = service, headers
        self.run = service.new_import_run()

    def ask(self, method: str, path: str, content: Any = None, seen: int | None = None) -> TestResponse:
        """One request; ``seen`` is the revision."""
        headers = {**self._headers, **({"If-Match": f'"{seen}"'} if seen is not None else {})}
        return self.service.client.open(f"{PATH}{path}", method=method, json=content, headers=headers)

    def upload(self, data: bytes, kind: str = "text/csv") -> TestResponse:
        """Bring a file for the webinar."""
        return self.service.client.post(f"{PATH}?form={WEBINAR}", data=data, content_type=kind, headers=self._headers)

    def check(self, data: bytes, **mapping: Any) -> dict[str, Any]:
        """Bring a file, and check it by the mapping that is proposed, with changes."""
        uploaded = self.upload(data).get_json()
        proposed = {**uploaded["proposed"], **mapping}
        checked = self.ask("PUT", f"/{uploaded['id']}/mapping", proposed, uploaded["revision"])
        assert checked.status_code == 200, checked.text
        return dict(checked.get_json())

    def confirm(self, checked: dict[str, Any], **choice: Any) -> TestResponse:
        """Confirm what was checked."""
        return self.ask("POST", f"/{checked['id']}/confirm", {**CONFIRMATION, **choice}, checked["revision"])

    def work_off(self) -> None:
        """Import until nothing is left to do."""
        while self.run.run_once():
            pass

    def bring(self, data: bytes, **choice: Any) -> dict[str, Any]:
        """Import a file; returns the import when it is over."""
        confirmed = self.confirm(self.check(data), **choice)
        assert confirmed.status_code == 202, confirmed.text
        self.work_off()
        return dict(self.ask("GET", f"/{confirmed.get_json()['id']}").get_json())

    def states(self) -> list[str]:
        """Of all imports."""
        return [one["state"] for one in self.ask("GET", "").get_json()["items"]]

    def is_over(self) -> bool:
        """Import what can be imported now; returns whether no import continues."""
        self.work_off()
        return "running" not in self.states()

    def lines(self, people: dict[str, Any], fate: str = "") -> list[tuple[int, str]]:
        """(line, fate or codes of faults) of rows, in pages of two."""
        found: list[tuple[int, str]] = []
        cursor = ""
        while True:
            page = self.ask("GET", f"/{people['id']}/rows?limit=2&fate={fate}&cursor={cursor}").get_json()
            for row in page["items"]:
                found.append((row["line"], ",".join(one["code"] for one in row["faults"]) or row["fate"]))
            cursor = page["next"]
            if not cursor:
                return found


@pytest.fixture
def desk(service: RegistrationService, coordinator: Headers, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """On the webinar; rows are stored in batches of three."""
    monkeypatch.setattr(importing, "BATCH_ROWS", 3)
    return Desk(service, coordinator)


def give_key(service: RegistrationService, *roles: str) -> Headers:
    """Headers of a new holder's requests."""
    key, file = new_token(), service.installation.secrets.folder / "access.json"
    holder = {"name": " and ".join(roles), "roles": roles, "key_sha256": token_hash(key).hex()}
    file.write_text(json.dumps([*json.loads(file.read_text()), holder]))
    return {"Authorization": f"Bearer {key}"}


def people_of(service: RegistrationService) -> list[tuple[Any, ...]]:
    """Everything that an import may not write before it is confirmed."""
    return rows(service.url, "SELECT id, status, revision, name, email FROM registration ORDER BY received_at")


def test_rows_have_their_fate_before_and_after(desk: Desk, service: RegistrationService) -> None:
    service.register(1, 2)
    service.capacity(4)
    before, published = people_of(service), len(service.messages())
    file = csv_of(
        person(1),  # as registered
        person(2, country="Peru"),  # changes
        person(3, needs="A ramp"),
        person(3),  # repeats
        ("2020/02/20", "no address", "Nobody", "", "CH", ""),
        person(4, country="Atlantis"),
        (*person(5), "one too many"),
        person(6),
        person(7),  # no seat left
    )
    uploaded = desk.upload(file).get_json()
    assert (uploaded["source"], uploaded["encoding"], uploaded["rows"]) == ("Google Forms", "utf-8", 9)
    names = {"@received_at", "email", "name", "access_needs", "country"}
    assert set(uploaded["proposed"]["columns"].values()) == names
    checked = desk.check(file)
    fates = {"same": 1, "changed": 1, "confirmed": 2, "duplicate": 1, "refused": 3, "waitlisted": 1}
    assert checked["expected"] == fates
    assert desk.lines(checked, "refused") == [(6, "bad-address"), (7, "not-a-choice"), (8, "extra-cells")]
    assert (people_of(service), len(service.messages())) == (before, published)
    assert desk.confirm(checked, reason=" ").status_code == 422
    stale = desk.ask("POST", f"/{checked['id']}/confirm", CONFIRMATION, checked["revision"] - 1)
    assert stale.status_code == 412
    assert desk.confirm(checked).status_code == 202
    desk.work_off()
    done = desk.ask("GET", f"/{checked['id']}").get_json()
    assert (done["state"], done["counts"], done["done_rows"]) == ("done", fates, 9)
    assert desk.lines(done, "waitlisted") == [(10, "waitlisted")]
    assert service.seats() == (4, 1)
    known = "SELECT email, status, country FROM registration ORDER BY email"
    assert rows(service.url, known) == [
        *((address_of(number), "confirmed", "PE" if number == 2 else "CH") for number in (1, 2, 3, 6)),
        (address_of(7), "waitlisted", "CH"),
    ]
    _assert_published(service)
    _assert_nothing_left(service)
    again = desk.check(file)
    assert again["expected"] == {"same": 5, "duplicate": 1, "refused": 3}
    assert desk.confirm(again).get_json()["code"] == "nothing-to-import"


def _assert_published(service: RegistrationService) -> None:
    published = [one["data"] for one in service.messages("registration.") if "by_coordinator" in one["data"]]
    assert [(one["status"], one["by_coordinator"], one["mailed"], one["verified"]) for one in published[2:]] == [
        ("confirmed", True, True, False),
        ("confirmed", False, True, True),
        ("confirmed", True, True, False),
        ("waitlisted", True, True, False),
    ]
    [(consent, received, changed_by, reason)] = rows(
        service.url,
        "SELECT consent -> 'consent', received_at, changed_by, reason FROM registration r"
        " JOIN registration_change c ON c.registration_id = r.id WHERE email = %s",
        address_of(3),
    )
    assert (consent["imported_by"], consent["imported_because"]) == ("a coordinator", CONFIRMATION["reason"])
    assert (received.date().isoformat(), changed_by, reason) == ("2020-02-20", "a coordinator", "imported from a file")
    actions = [action for (action,) in rows(service.url, "SELECT action FROM audit_record ORDER BY done_at, action")]
    assert actions[-3:] == ["people-import-checked", "people-import-confirmed", "people-imported"]


def _assert_nothing_left(service: RegistrationService) -> None:
    """Sealed answers are encrypted to the form's key, and what the file held is in no table any more."""
    sealed, bound_to = rows(service.url, "SELECT sealed, sealed_for FROM registration WHERE email = %s", address_of(3))[
        0
    ]
    master = service.settings("web")
    private = FormKeys(KeyFolder(master.form_keys_folder, master.master_keys)).private_keys(WEBINAR)
    assert open_answers(private, WEBINAR, bound_to, bytes(sealed)) == {"access_needs": "A ramp"}
    kept = b"".join(bytes(body) for (body,) in rows(service.url, "SELECT body FROM import_batch"))
    assert b"example.org" not in kept
    [(stored,)] = rows(service.url, "SELECT count(*) FROM import_file WHERE import_id IN (SELECT id FROM people_import"
                                    " WHERE state = 'done')")  # fmt: skip
    assert stored == 0


def test_killed_import_continues_without_loss_or_doubling(
    desk: Desk, service: RegistrationService, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.capacity(5)
    checked = desk.check(csv_of(*map(person, range(1, 9))))
    desk.confirm(checked, mail=False)
    assert desk.run.run_once() == 3

    def die(point: str) -> None:
        if point == "transaction.ready" and next(calls) == 1:
            raise KeyboardInterrupt

    calls = iter(range(1_000))
    with monkeypatch.context() as patch:
        patch.setattr(failpoints, "_hook", die)  # the second transaction of a batch writes it
        with pytest.raises(KeyboardInterrupt):
            desk.run.run_once()
    service.enrol(answers(20))  # someone else is quicker now
    assert service.seats() == (4, 0)
    desk.run = service.new_import_run()
    desk.work_off()
    done = desk.ask("GET", f"/{checked['id']}").get_json()
    assert (done["state"], done["counts"]) == ("done", {"confirmed": 4, "waitlisted": 4})
    assert service.seats() == (5, 4)
    order = "SELECT email FROM registration WHERE status = 'waitlisted' ORDER BY received_at, submission"
    assert [one for (one,) in rows(service.url, order)] == [address_of(number) for number in (5, 6, 7, 8)]
    published = [one["data"]["mailed"] for one in service.messages("registration.") if one["data"]["by_coordinator"]]
    assert published == [False] * 8


def test_only_people_whom_another_system_accepted_are_registered(desk: Desk, service: RegistrationService) -> None:
    lines = ["ID,Name,Email Address,Registration state"]
    lines += [f"{number},Participant {number},{address_of(number)},{state}" for number, state in enumerate(STATES)]
    checked = desk.check("\n".join(lines).encode())
    assert checked["expected"] == {"confirmed": 2, "left-out": 6}
    left_out = desk.ask("GET", f"/{checked['id']}/rows?fate=left-out").get_json()["items"]
    assert [(row["line"], *row["faults"][0].values()) for row in left_out] == [
        (3, "Registration state", "undecided", "Not decided yet."),
        (4, "Registration state", "denied", "Not accepted."),
        (5, "Registration state", "cancelled", "Cancelled or withdrawn."),
        (6, "Registration state", "unpaid", "Not paid yet."),
        (8, "Registration state", "denied", "Not accepted."),
        (9, "Registration state", "cancelled", "Cancelled or withdrawn."),
    ]
    assert desk.confirm(checked).status_code == 202
    desk.work_off()
    assert rows(service.url, "SELECT email FROM registration ORDER BY email") == [(address_of(0),), (address_of(5),)]


def test_import_that_cannot_continue_stops_and_can_be_resumed_or_cancelled(
    desk: Desk, service: RegistrationService, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked = desk.check(csv_of(*map(person, range(1, 9))))
    desk.confirm(checked)
    desk.run.run_once()
    leading = cycle((True, False))
    with monkeypatch.context() as patch:
        patch.setattr(queue, "try_lead", lambda _connection: next(leading))
        assert [desk.run.run_once() for _ in range(MAX_ATTEMPTS + 1)] == [0] * (MAX_ATTEMPTS + 1), "another one leads"
    with monkeypatch.context() as patch:
        patch.setattr(PlanWriter, "write", _fail)
        for _ in range(MAX_ATTEMPTS):
            with pytest.raises(RuntimeError):
                desk.run.run_once()
        assert desk.run.run_once() == 0
    assert desk.ask("GET", f"/{checked['id']}").get_json()["state"] == "failed"
    assert desk.ask("POST", f"/{checked['id']}/resume").status_code == 202
    assert desk.run.run_once() == 3
    cancelled = desk.ask("DELETE", f"/{checked['id']}").get_json()
    assert (cancelled["state"], cancelled["counts"]) == ("cancelled", {"confirmed": 6})
    assert (desk.run.run_once(), service.seats()) == (0, (6, 0))
    assert rows(service.url, "SELECT count(*) FROM import_batch") == [(0,)]
    assert desk.ask("DELETE", f"/{checked['id']}").status_code == 409


def _fail(*_args: Any) -> None:
    raise RuntimeError("a bug")


def test_form_that_was_changed_is_checked_again(desk: Desk, service: RegistrationService, coordinator: Headers) -> None:
    checked = desk.check(csv_of(person(1)))
    form = service.client.get(f"/v1/forms/{WEBINAR}").get_json()
    changed = service.client.patch(
        f"/v1/forms/{WEBINAR}", json={"open": False}, headers={**coordinator, "If-Match": "*"}
    )
    assert changed.status_code == 200, (form, changed.text)
    refused = desk.confirm(checked)
    assert (refused.status_code, refused.get_json()["code"]) == (409, "form-changed")
    again = desk.ask("PUT", f"/{checked['id']}/mapping", checked["mapping"], checked["revision"]).get_json()
    assert desk.confirm(again).status_code == 202


def test_two_imports_beside_people_who_register(desk: Desk, service: RegistrationService) -> None:
    service.capacity(7)
    for first in (1, 5):
        assert desk.confirm(desk.check(csv_of(*map(person, range(first, first + 5))))).status_code == 202
    with service.deciding():
        service.submit(answers(30))
        poll_until(desk.is_over)  # one process leads at a time
    assert service.seats() == (7, 2)


def test_old_files_and_imports_go(desk: Desk, service: RegistrationService) -> None:
    checked = desk.check(csv_of(person(1)))
    service.clock.advance(seconds=25 * 3600)
    service.tend()
    gone = desk.ask("GET", f"/{checked['id']}").get_json()
    assert (gone["state"], gone["failure"]) == ("cancelled", "a day has passed")
    left = "SELECT (SELECT count(*) FROM import_file), (SELECT count(*) FROM import_batch)"
    assert rows(service.url, left) == [(0, 0)]
    service.clock.advance(seconds=91 * 86_400)
    service.tend()
    assert rows(service.url, "SELECT count(*) FROM people_import") == [(0,)]


def test_pages_from_file_to_people(desk: Desk, service: RegistrationService, coordinator: Headers) -> None:
    client, own = service.client, {**coordinator, **OWN_SITE}
    buffer = io.BytesIO()
    workbook = xlsxwriter.Workbook(buffer)
    sheet = workbook.add_worksheet()
    lines = [("Email", "First name", "Last name", "Where", "When"), *(
        (address_of(number), "Participant", str(number), country, "3/4/2020")
        for number, country in ((1, "Suisse"), (2, "The Swiss Confederation"), (3, "CH"))
    )]  # fmt: skip
    for number, line in enumerate(lines):
        sheet.write_row(number, 0, line)
    workbook.close()
    began = client.post(
        PAGES, data={"form": WEBINAR, "file": (io.BytesIO(buffer.getvalue()), "people.xlsx")}, headers=own
    )
    assert began.status_code == 303, began.text
    path = began.headers["Location"]
    page = client.get(path, headers=own).text
    assert "The file has 3 rows" in page
    assert page.index("upload the file again.") < page.index(">Delete it without importing</button>")
    given = {"column-0": "email", "column-1": "name", "column-2": "name", "column-3": "country", "date_order": "dmy"}
    given |= {"column-4": "@received_at", "language": "fr", "go": "check", "seen": "1"}
    without = client.post(f"{path}/mapping", data={**given, "column-0": ""}, headers=own)
    assert (without.status_code, "Choose the column with the e-mail address." in without.text) == (422, True)
    assert client.post(f"{path}/mapping", data=given, headers=own).status_code == 303
    page = client.get(path, headers=own).text
    shown = re.findall('data-label="Person"><span>(.*?)</span></td>', page)
    assert [re.sub("<[^>]*>", "|", one) for one in shown if "Swiss" in one] == [
        f"||Where|: |The Swiss Confederation||||{address_of(2)}||||Participant||||2||"
    ]
    refused = client.get(f"{path}/refused.csv", headers=own).text.splitlines()
    assert refused[1].startswith(f"{address_of(2)},Participant,2,The Swiss Confederation,3/4/2020,3,Where,")
    taken = rows(service.url, "SELECT kind, subject FROM audit_record WHERE action = 'file-taken'")
    assert taken == [("import", path.rpartition("/")[2])]
    [name] = re.findall(r'name="(value:country:[^"]+)"', page)
    assert client.post(f"{path}/values", data={"seen": "2", name: "CH"}, headers=own).status_code == 303
    page = client.get(path, headers=own).text
    assert "Import 3 people" in page
    confirm = {"seen": "3", "seats": "as-possible", "mail": "yes", "reason": "They asked for it at the meeting."}
    assert client.post(f"{path}/confirm", data=confirm, headers=own).status_code == 303
    running = client.get(path, headers=own)
    assert (running.headers["Refresh"], 'value="0"' in running.text) == ("3", True)
    desk.work_off()
    done = client.get(path, headers=own)
    assert ("Refresh" in done.headers, "Registered, with a seat" in done.text) == (False, True)
    assert rows(service.url, "SELECT name, country, language FROM registration ORDER BY email") == [
        (f"Participant {number}", "CH", "fr") for number in (1, 2, 3)
    ]
    listed = client.get(PAGES, headers=own).text
    assert path in listed


def test_colleague_sees_no_cell_of_a_file_and_moves_none_into_a_clear_question(
    desk: Desk, service: RegistrationService, coordinator: Headers
) -> None:
    colleague, reader = (give_key(service, *roles) for roles in (["coordinator"], ["coordinator", "sealed-reader"]))
    checked = desk.check(csv_of(person(1), person(2, needs="A ramp", country="Nowhere")))
    path, steps = f"{PAGES}/{checked['id']}", ("?step=mapping", "/refused.csv")
    moved = {**checked["mapping"], "columns": {"Email Address": "email", "Access needs": "organisation"}}

    def asked(who: Headers) -> list[Any]:
        answers_ = [service.client.get(f"{path}{step}", headers=who) for step in steps]
        answers_[1].close()  # a file keeps its place among the exports until then
        seen = {**who, "If-Match": f'"{checked["revision"] + 7}"'}
        answers_.append(service.client.put(f"{PATH}/{checked['id']}/mapping", json=moved, headers=seen))
        for step in ("mapping", "values"):
            sent = {"seen": str(checked["revision"] + 7), "column-1": "email"}
            answers_.append(service.client.post(f"{path}/{step}", data=sent, headers={**who, **OWN_SITE}))
        page = service.client.get(path, headers=who).text
        return [*(one.status_code for one in answers_), "Nowhere" in page, address_of(1) in page]

    assert asked(colleague) == [403] * 5 + [False, True]
    for allowed in (reader, coordinator):
        assert asked(allowed) == [200, 200, 412, 412, 412, True, True]
