"""What anybody may cause for an address: one request a day and form to confirm it, three unasked mails over all."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

from sqlalchemy import text

from services.notifications.domain.allowance import ENOUGH, MOST, WITHIN
from services.notifications.domain.mail import ClaimedMail, Verdict
from services.notifications.sending.composing import Letter
from services.notifications.usecases.begin_handover import Begun, begin_handover
from services.notifications.usecases.claim_due import claim_due
from services.notifications.wiring import describe
from shared.core.ids import new_id
from tests.integration.notifications.office import Office
from tests.integration.notifications.test_forms_and_proposals import sent
from tests.support.locks import holding, wait_for_locks

VICTIM = "somebody.else@example.org"


def typed(office: Office, form: str = "a-form", address: str = VICTIM, **changes: Any) -> None:
    """Somebody has typed an address into a form."""
    office.hear(
        office.told(
            "verification-requested",
            new_id(),
            form=form,
            form_kind="working_group",
            event=None,
            sealed={"address": address},
            **changes,
        )
    )


def states(office: Office) -> list[str]:
    """Of all mails, in order."""
    return [str(mail["state"]) for mail in office.mails()]


def test_form_asks_an_address_once_a_day(office: Office) -> None:
    """However it is written, and by whatever registration; the second is kept back with its reason."""
    for address in (VICTIM, VICTIM.upper(), VICTIM):
        typed(office, address=address)
    assert len(sent(office)) == 1
    assert states(office) == ["sent", "suppressed", "suppressed"]
    reasons = office.rows("SELECT DISTINCT reason FROM mail WHERE state = 'suppressed'")
    assert [row["reason"] for row in reasons] == [ENOUGH]
    office.clock.advance(WITHIN)
    typed(office)
    sent(office)
    assert states(office)[3:] == ["sent"]


def test_address_is_asked_once_a_day_whose_proposals_these_are(office: Office) -> None:
    for _ in range(3):
        told = office.told_proposal("verification-requested", new_id(), status="unverified", sealed={"address": VICTIM})
        office.hear(told)
    assert len(sent(office)) == 1
    assert states(office) == ["sent", "suppressed", "suppressed"]


def test_hundred_forms_cause_three_mails_a_day(office: Office) -> None:
    for number in range(100):
        typed(office, form=f"form-{number}")
    assert len(sent(office)) == MOST
    typed(office, address="another@example.org")
    assert len(sent(office)) == 1
    office.clock.advance(WITHIN)
    for number in range(100):
        typed(office, form=f"later-form-{number}")
    assert len(sent(office)) == MOST


def test_all_unasked_kinds_count_together(office: Office) -> None:
    """Also by another reference of the same person, as the events service has."""
    office.hear_event()
    typed(office)
    office.hear(office.told_proposal("submitted", new_id(), person_ref="ee" * 32, sealed={"address": VICTIM}))
    office.hear(office.told("attempt-repeated", new_id(), attempt=1, sealed={"address": VICTIM}))
    typed(office, form="another-form")
    sent(office)
    assert states(office) == ["sent", "sent", "sent", "suppressed"]


def test_what_people_asked_for_is_not_counted(office: Office) -> None:
    office.hear_event()
    for _ in range(MOST + 2):
        office.hear(office.told("confirmed", new_id(), sealed={"address": VICTIM}))
    typed(office)
    sent(office)
    assert states(office) == ["sent"] * (MOST + 3)


def test_senders_at_once_share_the_allowance(office: Office) -> None:
    """One more than may go, each in other hands: all of them come to the commit before any has counted its mail."""
    for number in range(MOST + 1):
        typed(office, form=f"form-{number}")
    composer = office.tools(1).composer
    letters = [(claim.mail, composer.compose(claim)) for claim in claim_due(office.work, office.clock, MOST + 1)]

    def come(mail: ClaimedMail, letter: Letter | Verdict) -> Begun:
        assert isinstance(letter, Letter)
        return begin_handover(office.work, office.clock, mail, unasked=letter.unasked)

    url = office.engine.url.render_as_string(hide_password=False)
    with ThreadPoolExecutor(MOST + 1) as senders:
        with holding(url, "LOCK TABLE unasked_mail IN SHARE MODE"):
            begun = [senders.submit(come, mail, letter) for mail, letter in letters]
            wait_for_locks(url, MOST + 1)
    assert sorted(each.result() for each in begun) == [Begun.ENOUGH, *[Begun.YES] * MOST]


def test_mail_that_was_counted_may_be_tried_again(office: Office) -> None:
    """Nobody knows whether the first try arrived; it is the same mail, not another."""
    typed(office)
    composer = office.tools(1).composer
    for _ in range(3):
        [claim] = claim_due(office.work, office.clock, 1)
        letter = composer.compose(claim)
        assert begin_handover(office.work, office.clock, claim.mail, unasked=letter.unasked) is Begun.YES  # type: ignore[union-attr]
        with office.work.transaction() as connection:
            connection.execute(text("UPDATE mail SET state = 'queued', phase = NULL, lease_until = NULL"))
    assert office.rows("SELECT count(*) AS n FROM unasked_mail")[0]["n"] == 1


def test_counts_are_kept_for_a_day_without_an_address(office: Office) -> None:
    typed(office)
    sent(office)
    [row] = office.rows("SELECT * FROM unasked_mail")
    assert VICTIM not in str(row)
    forget = describe().forget
    assert forget is not None
    for later, left in ((timedelta(hours=23), 1), (timedelta(hours=1), 0)):
        office.clock.advance(later)
        forget(office.work, office.clock())
        assert office.rows("SELECT count(*) AS n FROM unasked_mail")[0]["n"] == left
