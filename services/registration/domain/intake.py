"""Decides a whole batch of submissions, in order of arrival, from what was true under the lock of their seats.

Pure: facts in, plan out. The store reads the facts and writes the plan in one transaction.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from services.registration.domain.opening import Opening, closed_reason
from services.registration.domain.registration import Registration
from services.registration.domain.seats import Place, Seats, first_place, next_place, take, unproven_place
from shared.core.errors import DomainError

ATTEMPT_MAIL_EVERY = timedelta(hours=24)
"""The owner of an address is told of further attempts once a day at most; one who has not confirmed the address yet has
been told by the request to do so."""

MOST_A_DAY = 20
MOST_WITHIN = timedelta(days=1)
"""So many registrations of one address are taken in this time, on however many forms. Nobody wants more for themselves;
whoever types somebody's address into form after form does."""

LONG_AGO = datetime.min.replace(tzinfo=UTC)

GRACE = timedelta(days=7)
"""How long after its hold a registration can still be confirmed by a late click."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What came of the work that a form asks for.

    Attributes:
        challenge: id of the challenge that was solved; None if no proof was sent.
        refusal: why what was sent is worth nothing; empty if it is not.
    """

    challenge: bytes | None = None
    refusal: str = ""


@dataclass(frozen=True, slots=True)
class Submission:
    """A checked form, ready to be stored whatever place it gets.

    Attributes:
        person: the new registration as it would be, with status and position still to be decided.
        name, email, organisation, time_zone: for the store only; a form may ask for no name.
        answers: all other clear answers.
        sealed: ciphertext of the sealed answers; None if there are none.
        own_hash: of the token of their own link.
        key_hash: of the idempotency key, or of the content; None for one that is never repeated.
        fingerprint: of the content, to tell a repetition from another request under the same key.
        bodies: the answer to the client by status. A duplicate gets the very same, so both are made beforehand.
        cause: correlation id and trace context of the request.
        verify_hash: of the token of the link that confirms the address; None if the form asks for none.
        proof: of work; None if the form asks for none.
        joins: it was sent by a browser without a script, which has no idempotency key; ``key_hash`` is made from the
            content, so that pressing a button twice registers and mails once.
    """

    person: Registration
    name: str | None
    email: str
    organisation: str | None
    time_zone: str | None
    answers: dict[str, object]
    sealed: bytes | None
    own_hash: bytes
    key_hash: bytes | None
    fingerprint: bytes
    bodies: dict[str, str]
    cause: tuple[str, str]
    verify_hash: bytes | None = None
    proof: Proof | None = None
    joins: bool = False


@dataclass(frozen=True, slots=True)
class FormFacts:
    """A form under lock.

    ``hold``: how long a seat is kept until the address is confirmed; None if addresses are not confirmed.
    ``patience``: how long somebody has to confirm theirs who must although others need not.
    """

    opening: Opening
    seats: Seats
    hold: timedelta | None = None
    patience: timedelta = timedelta(days=1)

    @property
    def place(self) -> Place | None:
        """What somebody gets who registers now; None if the form is full."""
        return next_place(self.seats) if self.hold is None else first_place(self.seats)


@dataclass(frozen=True, slots=True)
class Known:
    """A live registration that holds an address already."""

    registration: Registration
    attempts: int
    attempted_at: datetime | None

    @property
    def mailed_at(self) -> datetime:
        """When its owner was last mailed for somebody's having typed the address, themselves or another."""
        asked = self.registration.accepted_at if self.registration.status == "unverified" else LONG_AGO
        return self.attempted_at or asked


@dataclass(slots=True)
class Facts:
    """What was read under the lock; :func:`decide` updates it as it goes through the batch.

    Attributes:
        recent: registrations within ``MOST_WITHIN`` by person, where there are any.
        blocked: people of whom coordinators want no registration.
    """

    forms: dict[str, FormFacts]
    keys: dict[bytes, tuple[bytes, str]]
    live: dict[tuple[str, str], Known]
    used: set[bytes] = field(default_factory=set)
    """Challenges of the batch that were used before."""
    recent: dict[str, int] = field(default_factory=dict)
    blocked: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Answered:
    """What the client is told.

    ``how`` (``accepted``, ``duplicate``, ``replay``, ``blocked``, ``over-limit``) is for metrics, never for them.
    """

    body: str
    how: str


Arrival = tuple[Submission, Registration, int | None]
"""What came, the registration that it makes, and the capacity by which it has a seat (None without one)."""


@dataclass(slots=True)
class Plan:
    """What to write, and one outcome a submission, in order. ``expired`` is first: it frees addresses for ``new``.

    Attributes:
        shadows: what would have been new, of those who are answered as if it were. As much is done for them, so that
            nobody can tell them apart by a watch.
        silent: ids of those among them for whom something else is said, so that as much is said.
    """

    outcomes: list[Answered | DomainError] = field(default_factory=list)
    new: list[Arrival] = field(default_factory=list)
    shadows: list[Arrival] = field(default_factory=list)
    silent: set[str] = field(default_factory=set)
    attempts: dict[str, Known] = field(default_factory=dict)
    attempt_causes: dict[str, tuple[str, str]] = field(default_factory=dict)
    keys: list[tuple[bytes, bytes, str]] = field(default_factory=list)
    expired: list[Registration] = field(default_factory=list)
    challenges: list[tuple[bytes, str]] = field(default_factory=list)
    """Each challenge that is used by this batch, and the form."""


def decide(facts: Facts, batch: Sequence[Submission], now: datetime) -> Plan:
    """The plan for ``batch``. ``facts.forms`` holds the seats as they are afterwards."""
    plan = Plan()
    for submission in batch:
        try:
            plan.outcomes.append(_decide_one(facts, plan, submission, now))
        except DomainError as refusal:
            plan.outcomes.append(refusal)
    return plan


def _decide_one(facts: Facts, plan: Plan, submission: Submission, now: datetime) -> Answered:
    if submission.key_hash in facts.keys and not (submission.joins and _is_news(facts, submission, now)):
        return _replay(facts.keys[submission.key_hash], submission)
    slug = submission.person.form
    form = facts.forms.get(slug)
    if form is None:
        raise DomainError("form-unknown")
    if reason := closed_reason(form.opening, now):
        raise DomainError("form-closed", reason)
    place = form.place
    if place is None:
        raise DomainError("form-closed", "full")
    if submission.proof is not None:
        place = _proven_place(facts, plan, submission, place)
    how = _settle(facts, plan, submission, place, now)
    body = submission.bodies[place.status]
    if submission.key_hash is not None:
        facts.keys[submission.key_hash] = (submission.fingerprint, body)
        plan.keys.append((submission.key_hash, submission.fingerprint, body))
    return Answered(body, how)


def _is_news(facts: Facts, submission: Submission, now: datetime) -> bool:
    """Whether somebody would be registered by this: after a cancellation the same answers are no repetition.

    Of those who would not be (known, blocked, over the limit) nobody is told apart: their repetitions all join.
    """
    slug, person = submission.person.form, submission.person.person_ref
    known = facts.live.get((slug, person))
    is_known = known is not None and not known.registration.is_overdue(now)
    return not is_known and person not in facts.blocked and facts.recent.get(person, 0) < MOST_A_DAY


def _settle(facts: Facts, plan: Plan, submission: Submission, place: Place, now: datetime) -> str:
    """What becomes of somebody who is told that they have ``place``, whatever becomes of them."""
    person = submission.person.person_ref
    known = _known(facts, plan, submission, now)
    arrival = _arrival(facts.forms[submission.person.form], submission, place, now)
    if known is None and person not in facts.blocked and facts.recent.get(person, 0) < MOST_A_DAY:
        _accept(facts, plan, arrival, place)
        return "accepted"
    plan.shadows.append(arrival)
    if person in facts.blocked:
        return "blocked"
    if known is None:
        return "over-limit"
    _note_attempt(facts, plan, known, submission, now)
    return "duplicate"


def _proven_place(facts: Facts, plan: Plan, submission: Submission, place: Place) -> Place:
    """The place of somebody who is asked for a proof of work; its challenge is used up, whoever they turn out to be."""
    proof = submission.proof or Proof()
    if proof.refusal:
        raise DomainError("proof-refused", proof.refusal)
    if proof.challenge is None:
        return unproven_place(place)
    if proof.challenge in facts.used:
        raise DomainError("proof-refused", "used")
    facts.used.add(proof.challenge)
    plan.challenges.append((proof.challenge, submission.person.form))
    return place


def _known(facts: Facts, plan: Plan, submission: Submission, now: datetime) -> Known | None:
    """Who holds the address. One that is overdue is given up here: nothing depends on when somebody clears up."""
    place = (submission.person.form, submission.person.person_ref)
    known = facts.live.get(place)
    if known is None or not known.registration.is_overdue(now):
        return known
    plan.expired.append(facts.live.pop(place).registration.given_up())
    return None


def _replay(stored: tuple[bytes, str], submission: Submission) -> Answered:
    fingerprint, body = stored
    if fingerprint != submission.fingerprint:
        raise DomainError("idempotency-mismatch", "this Idempotency-Key was used for another request")
    return Answered(body, "replay")


def _arrival(form: FormFacts, submission: Submission, place: Place, now: datetime) -> Arrival:
    registration = replace(submission.person, status=place.status, position=place.position, accepted_at=now)
    if place.status == "unverified":
        hold_until = now + (form.hold or form.patience)
        registration = replace(
            registration, hold_until=hold_until if place.holds else None, expires_at=hold_until + GRACE
        )
    return submission, registration, form.seats.capacity if place.status == "confirmed" else None


def _accept(facts: Facts, plan: Plan, arrival: Arrival, place: Place) -> None:
    _, registration, _ = arrival
    slug, person = registration.form, registration.person_ref
    facts.forms[slug] = replace(facts.forms[slug], seats=take(facts.forms[slug].seats, place))
    facts.live[(slug, person)] = Known(registration, 0, None)
    facts.recent[person] = facts.recent.get(person, 0) + 1
    plan.new.append(arrival)


def _note_attempt(facts: Facts, plan: Plan, known: Known, submission: Submission, now: datetime) -> None:
    if now - known.mailed_at < ATTEMPT_MAIL_EVERY:
        return
    noted = Known(known.registration, known.attempts + 1, now)
    facts.live[(noted.registration.form, noted.registration.person_ref)] = noted
    plan.attempts[noted.registration.id] = noted
    plan.attempt_causes[noted.registration.id] = submission.cause
    plan.silent.add(submission.person.id)
