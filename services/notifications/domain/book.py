"""What the recipient book says of a registration, a link or a former address, but for what is personal."""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from services.notifications.domain.truth import Standing


@dataclass(frozen=True, slots=True)
class Entry:
    """The newest state of one subject.

    Attributes:
        subject: id of the registration, confirmation link or former address.
        about: ``registration``, ``confirmation`` or ``former-address``.
        person_ref: whose it is: 64 hex digits, the same for every subject of one address. Of a confirmation link or a
            former address it is made from its id alone, so that it connects nothing.
        revision: of the subject, from 1.
        occurred_at: when this state was true, or its link was made, aware: of two at one revision the later one holds.
        form: None but for a registration.
        event: what the form is for, or the side event that a proposal became; None without.
        position: on the waiting list, from 1.
        verified: whether the owner of the address has confirmed it.
        attend: the event that everybody on the form should attend as well.
        decision: revision of the newest decision on a proposal, 0 before the first.
    """

    subject: str
    about: str
    person_ref: str
    language: str
    status: str
    revision: int
    occurred_at: datetime
    form: str | None
    form_kind: str
    event: str | None
    position: int | None = None
    working_group: str | None = None
    partner: str | None = None
    country: str | None = None
    verified: bool = False
    attend: str | None = None
    representative: bool = False
    decision: int = 0

    @property
    def standing(self) -> Standing:
        """What mails are compared with."""
        return Standing(
            self.revision, self.status, person_ref=self.person_ref, event=self.event, decision=self.decision
        )


def lone_reference(about: str, subject: str) -> str:
    """Return what stands for the person in the entry of a link or a former address: made from its id alone."""
    return sha256(f"{about} {subject}".encode()).hexdigest()
