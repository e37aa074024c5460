"""What all steps of a history share: the model beside the world, and the people to act on."""

import secrets
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine

from tests.integration.model.audit import Auditor
from tests.integration.model.bus import Bus
from tests.integration.model.ledger import Answer, Entry, Ledger
from tests.integration.model.office import Office
from tests.integration.model.post import Post
from tests.integration.model.world import World

Wish = tuple[str, str, str, str | None, bool, bytes | None]
"""Form, who, a name, an idempotency key, whether a proof of work came along, client network."""

WHO = st.sampled_from(["ada", "ben", "cleo", "dan", "eve", "fay"])
NAME = st.sampled_from(["A. B.", "A. B.", "A. B.", "C. D.", "E. F.", "G. H."])
WISH = st.tuples(
    st.sampled_from(["at-once", "at-once", "mailed", "no-list"]),
    WHO,
    NAME,
    st.sampled_from([None, None, "key-1", "key-2"]),
    st.sampled_from([True, True, False]),
    st.sampled_from([b"1" * 32, b"2" * 32, None]),
)
ANY = st.integers(0, 99)
"""One of those that there are: the number counts round."""

LOST = st.sampled_from([False, False, True])
TICK = timedelta(microseconds=1)

_NUMBERS = """
    SELECT submission, id::text FROM registration UNION ALL SELECT submission, id::text FROM candidate
"""


class History(RuleBasedStateMachine):
    """One history in ``world``, without its steps."""

    def __init__(self, world: World, office: Office, bus: Bus, post: Post, auditor: Auditor) -> None:
        super().__init__()
        world.set_back()
        office.forget()
        bus.forget()
        post.forget()
        self.world, self.office, self.bus, self.post, self.auditor = world, office, bus, post, auditor
        self.ledger = Ledger()
        self.ids: dict[int, str] = {}
        self.steps = 0

    def _deliver(self, queue: str, pick: Any, dies: bool) -> list[Any]:
        fresh = self.bus.deliver(queue, pick, dies=dies)
        for message in fresh:
            if queue == "registration.copies" and "revision" in message.data:  # entries of the audit log have none
                self.ledger.hear(message.subject, message.data["revision"])
            elif queue == "registration.mail" and message.data["about"] == "confirmation":
                ended = not message.type.endswith("mail.sent.v1")
                self.ledger.note_mail(message.data["subject"], message.time, ended)
        return fresh

    def _submit(self, wish: Wish, lost: bool = False) -> None:
        """Without a key a lost answer makes two submissions of one, with one proof of work."""
        form, who, name, key, proven, network = wish
        challenge = secrets.token_bytes(16) if proven else None
        sent: Entry = {"form": form, "who": who, "name": name, "key": key, "challenge": challenge, "network": network}
        number = self._next_number()
        answer = self.ledger.submit(sent, number, self.world.clock())
        if lost and answer == "received" and not key:
            self.ledger.submit(sent, number + 1, self.world.clock())
        agree(self.office.submit(sent, lost=lost), answer)

    def _command(self, lost: bool, ask: Any) -> Answer:
        """What the model answers to whoever asks again after an answer was lost: each time is a command."""
        number = self._next_number()
        answer: Answer = ask(number)
        return ask(number + 1) if lost and answer == "received" else answer

    def _decide(self, dies: str = "") -> None:
        """A decider is started, decides a batch and sends what is due, unless it ``dies`` on the way."""
        now = self.world.clock()
        wanted = self.ledger.decide(now, dies)
        minted = self.office.decide(dies)
        agree(sorted(who for _link, who in minted), wanted)
        self.ledger.note_links(minted, now)
        self._read_ids()

    def _read_ids(self) -> None:
        self.ids.update(self.world.rows("registration", _NUMBERS))

    def _links(self) -> list[str]:
        """Confirmation links in an order that does not depend on their ids, which are drawn anew each time."""
        links = self.ledger.links
        return sorted(links, key=lambda one: (links[one]["minted_at"], links[one]["who"]))

    def _next_number(self) -> int:
        """The number that the next stored submission gets: a repetition that is not stored uses one up as well."""
        sequence = "SELECT last_value + is_called::int FROM submission_id_seq"
        return int(self.world.rows("registration", sequence)[0][0])

    def _twice(self, lost: bool, ask: Any) -> Answer:
        """What the model answers to whoever asks again after an answer was lost; a refusal arrives at once."""
        answer: Answer = ask()
        return ask() if lost and isinstance(answer, str) else answer

    def _some(self, *statuses: str) -> list[Entry]:
        return [who for who in self.ledger.people.values() if not statuses or who["status"] in statuses]

    def _offered(self) -> list[Entry]:
        return [who for who in self._some("waitlisted") if who["offer"] is not None]

    def _pick(self, index: int, *statuses: str) -> Entry:
        some = self._some(*statuses)
        return some[index % len(some)]


def newest_first(there: int) -> Iterable[int]:
    """What waits, from the last to the first."""
    return reversed(range(there))


def agree(told: Any, wanted: Any) -> None:
    """Fail unless someone is told what the model says."""
    assert told == wanted, f"told {told}, the model says {wanted}"
