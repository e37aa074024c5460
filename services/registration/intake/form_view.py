"""A form as the public processes see it: ready to be shown and filled, about a second old.

With it, the queue as all processes but the decider see it: how much of the disk it uses, the decider's newest public
key, one INSERT for each kind of entry, and receipts.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from services.registration.forms.opening import closed_reason
from services.registration.forms.service import Partner, check_slug, find_partners, group_copies
from services.registration.forms.standard_forms import GROUP_FIELD, with_working_groups
from services.registration.forms.store import PublicForm, find_public_form
from services.registration.sealing.store import find_public_key
from shared.db.unit_of_work import UnitOfWork
from shared.public_forms.definition import FormDefinition, parse_definition, with_full_options
from shared.public_forms.proof_of_work import MAX_COUNTED, RUSH_WINDOW
from shared.runtime.errors import DomainError

_KEY = text("SELECT id, public FROM decider_key ORDER BY published_at DESC, id LIMIT 1")
_UNDECIDED = text("SELECT undecided_bytes(:worth_counting)")
_COUNT_CHALLENGES = text("""
    SELECT count(*) FROM
        (SELECT FROM used_challenge WHERE form = :form AND used_at > :since LIMIT :most) AS lately
""")


@dataclass(frozen=True, slots=True)
class DeciderPublicKey:
    """A key that only the decider can open: id of 8 bytes, X25519 public key of 32."""

    id: bytes
    public: bytes


def newest_decider_key(connection: Connection) -> DeciderPublicKey | None:
    """Return the key to seal to; None before a decider has published one."""
    row = connection.execute(_KEY).fetchone()
    return None if row is None else DeciderPublicKey(bytes(row[0]), bytes(row[1]))


def undecided_bytes(connection: Connection, worth_counting: int) -> int:
    """Return about how many bytes of disk space undecided submissions use.

    Args:
        connection: the connection to the service's database.
        worth_counting: the bytes up to which the whole table, with receipts and free space, counts as 0.
    """
    return int(connection.execute(_UNDECIDED, {"worth_counting": worth_counting}).scalar_one())


def used_lately(connection: Connection, form: str, now: datetime) -> int:
    """How many challenges of ``form`` were used in the time that decides how much work the next one asks for.

    All processes count the same rows, so they ask for the same work. It is never counted further than matters.
    """
    values = {"form": form, "since": now - RUSH_WINDOW, "most": MAX_COUNTED}
    return int(connection.execute(_COUNT_CHALLENGES, values).scalar_one())


_INSERT = text("""
    INSERT INTO submission (receipt_hash, kind, form, form_revision, fingerprint, network, challenge, code, body,
        decider_key)
    VALUES (:receipt_hash, :kind, :form, :form_revision, :fingerprint, :network, :challenge, :code, :body, :decider_key)
    ON CONFLICT DO NOTHING
""")
_INSERT_BY_LINK = text("""
    INSERT INTO submission (receipt_hash, kind, form, form_revision, token_hash, fingerprint, network, code, body,
        decider_key)
    VALUES (:receipt_hash, :kind, :form, :form_revision, :token_hash, :fingerprint, :network, :code, :body,
        :decider_key)
    ON CONFLICT DO NOTHING
""")
_INSERT_BY_DESK = text("""
    INSERT INTO submission (receipt_hash, kind, form, form_revision, fingerprint, code, body, decider_key, entered_by)
    VALUES (:receipt_hash, :kind, :form, :form_revision, :fingerprint, :code, :body, :decider_key, :entered_by)
    ON CONFLICT DO NOTHING
""")
_RECEIPT = text("""
    SELECT form, code, state, outcome, fingerprint, received_at, calendar_key FROM receipt_of(:hash)
""")


@dataclass(frozen=True, slots=True)
class QueuedSubmission:
    """A row to be inserted; hashes are 32 bytes.

    Attributes:
        kind: ``submission``, ``send-list``, a command by link, or one of the desk.
        token_hash: the hash of the link by which it comes; None for what anyone can send.
        body: the content, sealed to the decider's key with the id ``decider_key``.
        entered_by: the coordinator whose command it is; None for everyone else's.
    """

    receipt_hash: bytes
    form: str
    form_revision: int
    fingerprint: bytes
    code: str
    decider_key: bytes
    body: bytes = field(repr=False)
    network: bytes | None = None
    challenge: bytes | None = None
    kind: str = "submission"
    token_hash: bytes | None = None
    entered_by: str | None = None


@dataclass(frozen=True, slots=True)
class StoredReceipt:
    """What the sender of a submission may know about it.

    Attributes:
        state: ``received``, ``decided`` or ``parked``.
        outcome: the outcome of a decided one; a text for a submission, a list of results for a command.
        calendar_key: the key from which the invitation's UID is made, if a seat was given at once.
    """

    form: str
    code: str
    state: str
    outcome: Any
    fingerprint: bytes
    received_at: datetime
    calendar_key: str | None = None


def insert_submission(connection: Connection, queued: QueuedSubmission) -> bool:
    """Store a submission or a command; False if its receipt exists already, and nothing was stored."""
    values: Mapping[str, Any] = {name: getattr(queued, name) for name in QueuedSubmission.__slots__}
    statement = _INSERT if queued.token_hash is None else _INSERT_BY_LINK
    statement = statement if queued.entered_by is None else _INSERT_BY_DESK
    return connection.execute(statement, dict(values)).rowcount == 1


def find_receipt(connection: Connection, hash_: bytes) -> StoredReceipt | None:
    """Return what is known of the submission with this receipt hash; None if there is none, or no more."""
    row = connection.execute(_RECEIPT, {"hash": hash_}).fetchone()
    if row is None:
        return None
    form, code, state, outcome, fingerprint, received_at, calendar_key = row
    return StoredReceipt(form, code, state, outcome, bytes(fingerprint), received_at, calendar_key)


MAX_QUEUE_BYTES = 2 * 2**30
"""Disk space that undecided submissions may use: beyond it no more are accepted, and the database keeps working.

Receipts do not count: they stay for days, and the decider cannot make them fewer.
"""

COMMANDS_RESERVE_BYTES = 2**30
"""What commands by link and coordinators' commands may use beyond that: a flood of submissions stops no
cancellation."""


@dataclass(frozen=True, slots=True)
class FormView:
    """A form ready to be shown and filled.

    Attributes:
        whole: the definition with all questions and all working groups.
        definition: the questions asked before the confirmation, with the working groups that can be chosen now.
        partners: the partners that may show it.
        origins: every origin that may show it.
        public_key: the public key to which sealed answers are encrypted (X25519, 32 bytes); None if the form has
            none, or no longer.
        decider_key: the public key to which submissions are sealed; None before a decider has published one.
        undecided_bytes: the disk space that undecided submissions use, if it may be too much; else 0.
        solved_lately: the number of its challenges that were solved in the last minute.
        closed_groups: the slugs of working groups that cannot be chosen any more.
    """

    stored: PublicForm
    whole: FormDefinition
    definition: FormDefinition
    partners: tuple[Partner, ...]
    origins: tuple[str, ...]
    public_key: bytes | None = None
    decider_key: DeciderPublicKey | None = None
    undecided_bytes: int = 0
    solved_lately: int = 0
    closed_groups: frozenset[str] = frozenset()

    def whole_for(self, group: str | None) -> FormDefinition:
        """All questions for a person of the working group ``group``, which they may keep if it is closed."""
        return _without_groups(self.whole, self.closed_groups - {group or ""})

    @property
    def takes_submissions(self) -> bool:
        """Whether there is disk space for what anyone can send."""
        return self.undecided_bytes <= MAX_QUEUE_BYTES

    @property
    def takes_commands(self) -> bool:
        """Whether there is disk space for what comes by a person's link or from a coordinator."""
        return self.undecided_bytes <= MAX_QUEUE_BYTES + COMMANDS_RESERVE_BYTES

    def partner(self, slug: str) -> Partner | None:
        """The partner called ``slug`` if it may show this form."""
        return next((partner for partner in self.partners if partner.slug == slug), None)

    def refusal(self, now: datetime) -> str:
        """Return why no one can fill the form now: it is closed, or full; empty if anyone can."""
        return closed_reason(self.stored.opening, now) or ("full" if self.stored.seats.word == "full" else "")


def view_form(work: UnitOfWork, slug: str, now: datetime) -> FormView:
    """The form called ``slug``.

    Raises:
        DomainError: ``form-unknown``.
    """
    check_slug(slug)
    with work.single_statement() as connection:
        stored = find_public_form(connection, slug)
        if stored is None:
            raise DomainError("form-unknown")
        groups = group_copies(connection)
        partners = find_partners(connection, stored.partners)
        public_key = find_public_key(connection, slug)
        solved = used_lately(connection, slug, now)
        key, undecided = newest_decider_key(connection), undecided_bytes(connection, MAX_QUEUE_BYTES)
    whole = with_working_groups(parse_definition(stored.definition), [(group.slug, group.title) for group in groups])
    whole = with_full_options(whole, stored.seats.full_options)
    closed = frozenset(group.slug for group in groups if not group.active)
    asked = _without_groups(whole, closed).first_step
    origins = tuple(sorted({origin for partner in partners for origin in partner.origins}))
    return FormView(stored, whole, asked, tuple(partners), origins, public_key, key, undecided, solved, closed)


def _without_groups(definition: FormDefinition, groups: frozenset[str]) -> FormDefinition:
    """The questions without some working groups to choose."""
    if not groups:
        return definition
    fields = tuple(
        replace(field, options=tuple(option for option in field.options if option.value not in groups))
        if field.name == GROUP_FIELD
        else field
        for field in definition.fields
    )
    return replace(definition, fields=fields)


def decider_key_problem(work: UnitOfWork) -> str:
    """Return why nothing can be accepted: no decider has published a key. Empty if one has."""
    with work.single_statement() as connection:
        return "" if newest_decider_key(connection) is not None else "intake: no decider has published a key"
