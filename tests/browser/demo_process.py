"""The whole local installation as one running program, and what a test asks it beside the browser."""

import email
import email.policy
import secrets
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import psutil
import requests
from playwright.sync_api import Page

from deploy.local.installation import PARTNER, WEBINAR
from deploy.local.places import Places
from deploy.local.ports import DemoPorts
from tests.support.ports import free_block
from tests.support.processes import ProcessGroup
from tests.support.run_folder import RunFolder
from tests.support.waiting import poll_until

PORTS_OF_A_DEMO = 120
STARTS_WITHIN_S = 90.0
ENDS_WITHIN_S = 30.0


@dataclass(frozen=True, slots=True)
class Demo:
    """The installation that runs.

    Attributes:
        folder: of its data.
        places: its addresses and the key of its console.
    """

    folder: Path
    places: Places

    @property
    def ports(self) -> DemoPorts:
        """Where it listens."""
        return self.places.ports

    @property
    def form_url(self) -> str:
        """The form's own page, in the browser's language."""
        return f"{self.ports.public_url}/embed/{WEBINAR}?partner={PARTNER}"

    def registrations(self, address: str) -> list[dict[str, Any]]:
        """All registrations of ``address``, as a coordinator's program reads them."""
        found: list[dict[str, Any]] = []
        query: dict[str, str | int] = {"form": WEBINAR, "limit": 200}
        while True:
            answer = requests.get(
                f"{self.ports.public_url}/v1/registrations",
                params=query,
                headers={"Authorization": f"Bearer {self.places.key}"},
                timeout=10,
            )
            answer.raise_for_status()
            found += [item for item in answer.json()["items"] if item["email"] == address]
            query["cursor"] = answer.json()["next"]
            if not query["cursor"]:
                return found

    def register(self, address: str, **answers: Any) -> None:
        """Register ``address`` as a partner's program does that solves a proof of work; returns once it is done."""
        content = {"name": "A participant", "email": address, "language": "en", "consent": True, "partner": PARTNER}
        self.places.register(WEBINAR, {**content, **answers})
        poll_until(lambda: self.registrations(address), 15.0, what="the submission is decided")

    def confirmation_link(self, address: str) -> str:
        """The link to everything that waits for ``address``, from its newest mail that has one."""

        def read_inbox() -> str | None:
            found = (self.linked(mail, "/c/") for mail in self.mails(address))
            return next((link for link in found if link), None)

        found = poll_until(read_inbox, 20.0, what="mail with a confirmation link")
        assert found is not None
        return found

    def confirm(self, address: str) -> None:
        """Confirm everything that waits for ``address``, as its owner does; returns once it is done."""
        self.places.confirm(self.confirmation_link(address))
        poll_until(lambda: self.places.ask("GET", "/v1/registrations", params={"q": address})["items"], 15.0)

    def mail(self, address: str, method: str = "REQUEST") -> dict[str, Any]:
        """The mail to ``address`` with a calendar part of this method, once it is in the sink."""

        def read_inbox() -> dict[str, Any] | None:
            return next(
                (mail for mail in self.mails(address) if (mail["calendar"] or {}).get("method") == method), None
            )

        found = poll_until(read_inbox, 20.0, what=f"mail with {method}")
        assert found is not None
        return found

    def mails(self, address: str) -> list[dict[str, Any]]:
        """All mails to ``address``, newest first."""
        answer = requests.get(f"{self.ports.inbox_url}/mails.json", params={"to": address}, timeout=10)
        return list(answer.json())

    def link(self, address: str) -> str:
        """The link to the person's own page, from the text of their mail as it was delivered."""
        found = self.linked(self.mail(address), "/r/")
        assert found is not None
        return found

    def linked(self, mail: dict[str, Any], beginning: str) -> str | None:
        """The first link in the text of a mail whose path begins so."""
        source = requests.get(f"{self.ports.inbox_url}/mails/{mail['id']}.eml", timeout=10).content
        message = email.message_from_bytes(source, EmailMessage, policy=email.policy.default)
        body = message.get_body(("plain",))
        assert body is not None
        start = f"{self.ports.public_url}{beginning}"
        links = (word for word in str(body.get_content()).split() if word.startswith(start))
        return next(links, "").partition("#")[0] or None


def new_address() -> str:
    """An address that no one else in this run has."""
    return f"participant-{secrets.token_hex(5)}@example.org"


def sign_in(page: Page, demo: Demo, path: str = "/console") -> None:
    """Open ``path`` and sign in where that leads."""
    page.goto(demo.ports.public_url + path)
    page.fill("#key", demo.places.key)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name="Sign out").wait_for()


def start_demo(run: RunFolder, processes: ProcessGroup, option: str = "") -> Demo:
    """Start ``python -m deploy.local.demo run`` with its own data and ports; returns when everything answers.

    Args:
        run: where its data goes.
        processes: that it is one of.
        option: of ``deploy.local.demo``.

    Raises:
        AssertionError: it did not start; with what it printed.
    """
    folder, ports = run.path / f"demo-{secrets.token_hex(3)}", DemoPorts(free_block(PORTS_OF_A_DEMO))
    folder.mkdir(mode=0o711)  # the embedded server may run as another user and has to reach its part
    environment = {"TROIKA_DEMO_PORT": str(ports.first), "TROIKA_DEMO_FOLDER": str(folder)}
    environment["TROIKA_UNVERIFIED_A_DAY"] = "1000000"  # all visitors come from one address
    program = processes.start("demo", f"deploy.local.demo {option} run", env=environment)
    poll_until(
        lambda: "Everything answers" in program.log_text() or not program.running, STARTS_WITHIN_S, what="demo starts"
    )
    assert program.running, program.log_text()
    for child in psutil.Process(program.pid).children(recursive=True):
        run.record(child.pid)
    run.record(_postmaster(folder))
    return Demo(folder, Places(ports, (folder / "secrets" / "coordinator.txt").read_text().strip()))


def register_at_once(places: Places) -> None:
    """Let the webinar's form take people at once who have a proof of work, as a coordinator changes it."""
    path = f"/v1/form-drafts/{WEBINAR}"
    content = places.ask("POST", path)["content"]
    for step, method, given in (
        ("", "PUT", {"content": content | {"verification": "none"}}),
        ("/publish", "POST", None),
    ):
        seen = places.ask("GET", path)["revision"]
        places.ask(method, path + step, json=given, headers={"If-Match": f'"{seen}"'})


def end_demo(demo: Demo, processes: ProcessGroup) -> None:
    """End it as Ctrl-C does, and see that nothing of it is left.

    Raises:
        AssertionError: a process of it still runs.
    """
    program = processes.programs[0]
    family = [psutil.Process(program.pid), *psutil.Process(program.pid).children(recursive=True)]
    family.append(psutil.Process(_postmaster(demo.folder)))
    processes.end(ENDS_WITHIN_S)
    poll_until(lambda: not any(process.is_running() for process in family), 10.0, what="end of all of the demo")


def _postmaster(folder: Path) -> int:
    return int((folder / "postgres" / "data" / "postmaster.pid").read_text().split()[0])
