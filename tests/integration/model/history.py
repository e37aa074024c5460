"""What all steps of a history share: the model beside the databases, and the people to act on."""

import secrets
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine

from tests.integration.model.audit import Auditor
from tests.integration.model.bus import Bus
from tests.integration.model.databases import ModelDatabases
from tests.integration.model.mail_delivery import MailDelivery
from tests.integration.model.reference_model import Answer, Entry, ReferenceModel
from tests.integration.model.system_under_test import SystemUnderTest

SubmissionRequest = tuple[str, str, str, str | None, bool, bytes | None]
"""Form, who, a name, an idempotency key, whether a proof of work came along, client network."""

WHO = st.sampled_from(["ada", "ben", "cleo", "dan", "eve", "fay"])
NAME = st.sampled_from(["A. B.", "A. B.", "A. B.", "C. D.", "E. F.", "G. H."])
REQUEST = st.tuples(
    st.sampled_from(["at-once", "at-once", "mailed", "no-list"]),
    WHO,
    NAME,
    st.sampled_from([None, None, "key-1", "key-2"]),
    st.sampled_from([True, True, False]),
    st.sampled_from([b"1" * 32, b"2" * 32, None]),
)
ANY = st.integers(0, 99)
"""One of those that there are, by the number modulo their count."""

LOST = st.sampled_from([False, False, True])
TICK = timedelta(microseconds=1)

_NUMBERS = """
    SELECT submission, id::text FROM registration UNION ALL SELECT submission, id::text FROM candidate
"""


class History(RuleBasedStateMachine):
    """One history in ``databases``, without its steps."""

    def __init__(
        self, databases: ModelDatabases, system: SystemUnderTest, bus: Bus, delivery: MailDelivery, auditor: Auditor
    ) -> None:
        super().__init__()
        databases.set_back()
        system.forget()
        bus.forget()
        delivery.forget()
        self.databases, self.system, self.bus, self.delivery, self.auditor = databases, system, bus, delivery, auditor
        self.model = ReferenceModel()
        self.ids: dict[int, str] = {}
        self.steps = 0

    def _deliver(self, queue: str, pick: Any, crashes: bool) -> list[Any]:
        fresh = self.bus.deliver(queue, pick, crashes=crashes)
        self._note(queue, fresh)
        return fresh

    def _note(self, queue: str, fresh: list[Any]) -> None:
        """The model has what a consumer has taken for new."""
        for message in fresh:
            if queue == "registration.copies" and "revision" in message.data:  # entries of the audit log have none
                self.model.consume(message.subject, message.data["revision"])
            elif queue == "registration.mail" and message.data["about"] == "confirmation":
                ended = not message.type.endswith("mail.sent.v1")
                self.model.note_mail(message.data["subject"], message.time, ended)

    def _submit(self, request: SubmissionRequest, lost: bool = False) -> None:
        """Without a key a lost answer makes two submissions of one, with one proof of work."""
        form, who, name, key, proven, network = request
        challenge = secrets.token_bytes(16) if proven else None
        sent: Entry = {"form": form, "who": who, "name": name, "key": key, "challenge": challenge, "network": network}
        number = self._next_number()
        answer = self.model.submit(sent, number, self.databases.clock())
        if lost and answer == "received" and not key:
            self.model.submit(sent, number + 1, self.databases.clock())
        agree(self.system.submit(sent, lost=lost), answer)

    def _command(self, lost: bool, ask: Any) -> Answer:
        """The model's answer to a repeated request after a lost answer: each repetition is a command."""
        number = self._next_number()
        answer: Answer = ask(number)
        return ask(number + 1) if lost and answer == "received" else answer

    def _decide(self, crashes: str = "") -> None:
        """A decider is started, decides a batch and sends what is due, unless it ``crashes`` on the way."""
        now = self.databases.clock()
        wanted = self.model.decide(now, crashes)
        minted = self.system.decide(crashes)
        agree(sorted(who for _link, who in minted), wanted)
        self.model.note_links(minted, now)
        self._read_ids()

    def _read_ids(self) -> None:
        self.ids.update(self.databases.rows("registration", _NUMBERS))

    def _links(self) -> list[str]:
        """Confirmation links in an order that does not depend on their ids, which are drawn for each history."""
        links = self.model.links
        return sorted(links, key=lambda one: (links[one]["minted_at"], links[one]["who"]))

    def _next_number(self) -> int:
        """The number that the next stored submission gets: a repetition that is not stored uses one up as well."""
        sequence = "SELECT last_value + is_called::int FROM submission_id_seq"
        return int(self.databases.rows("registration", sequence)[0][0])

    def _twice(self, lost: bool, ask: Any) -> Answer:
        """The model's answer to a repeated request after a lost answer; a refusal arrives at once."""
        answer: Answer = ask()
        return ask() if lost and isinstance(answer, str) else answer

    def _some(self, *statuses: str) -> list[Entry]:
        return [who for who in self.model.people.values() if not statuses or who["status"] in statuses]

    def _offered(self) -> list[Entry]:
        return [who for who in self._some("waitlisted") if who["offer"] is not None]

    def _pick(self, index: int, *statuses: str) -> Entry:
        some = self._some(*statuses)
        return some[index % len(some)]


def newest_first(there: int) -> Iterable[int]:
    """What waits, from the last to the first."""
    return reversed(range(there))


def agree(answered: Any, wanted: Any) -> None:
    """Fail unless the answer is that of the model."""
    assert answered == wanted, f"answered {answered}, by the model {wanted}"
