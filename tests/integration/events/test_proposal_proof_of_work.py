"""A proposal form that asks for a proof of work: who has worked is read, and the way of who solves nothing."""

from services.events.domain.proposal_retention import UNVERIFIED_FOR
from services.events.usecases.list_proposals import list_sent_again
from services.events.usecases.submit_proposal import MOST_RECEIPTS
from shared.public_forms.proposal import proposal_slug
from shared.public_forms.work_asked import LIFETIME
from shared.store.unit_of_work import UnitOfWork
from tests.integration.events.proposal_proofs import PROPOSALS, SECOND, answered, forget_old, listed, proof, stored
from tests.integration.events.proposal_proofs import clock as clock
from tests.integration.events.proposal_proofs import environment as environment
from tests.integration.events.side_events import Desk, an_answer

PAGE = {"Accept": "text/html"}
ASKED, SUBMITTED = "proposal.verification-requested.v1", "proposal.submitted.v1"


def test_whoever_has_worked_is_read(desk: Desk) -> None:
    assert answered(desk.client, an_answer("An idea", altcha=proof(desk.client))) == (201, "submitted", "")
    assert listed(desk) == ["An idea"]
    assert [key for key, _ in desk.said_of_proposals()] == [SUBMITTED]
    assert stored(desk, "SELECT form FROM used_challenge") == [proposal_slug()]


def test_whoever_has_not_worked_confirms_the_address_before_coordinators_see_it(desk: Desk) -> None:
    answer = desk.client.post(PROPOSALS, json=an_answer("An idea"))
    proposal, message = answer.get_json()["id"], answer.get_json()["message"]
    assert (answer.status_code, answer.get_json()["status"]) == (201, "unverified")
    assert "once you have pressed the button" in message
    assert (listed(desk), desk.decide(proposal, "accept").status_code) == ([], 404)
    for path in (f"{PROPOSALS}/{proposal}", f"{PROPOSALS}/{proposal}/history"):
        assert desk.client.get(path, headers=desk.headers).status_code == 404
    ((key, told),) = desk.said_of_proposals()
    assert (key, told["status"], told["sealed"]["address"]) == (ASKED, "unverified", "proposer@example.org")

    done = desk.client.post(desk.link(proposal), data={"action": "confirm"})
    assert (done.status_code, listed(desk)) == (303, ["An idea"])
    assert [(key, said["revision"]) for key, said in desk.said_of_proposals()] == [(ASKED, 1), (SUBMITTED, 2)]
    shown = list_sent_again(UnitOfWork(desk.engine, "events"), [proposal])
    assert (shown, desk.decide(proposal, "accept").status_code) == ({}, 200)


def test_link_of_an_unconfirmed_proposal_shows_nothing_of_it_and_does_nothing_else(desk: Desk) -> None:
    """Whoever gets the mail may never have heard of it: a stranger's words must not reach them by it."""
    proposal = desk.propose("A stranger's words")
    link = desk.link(proposal)
    shown = [desk.client.get(link + more) for more in ("", "?ask=edit", "?ask=erase", "/my-data.json")]
    acted = [desk.client.post(link, data={"action": name}) for name in ("withdraw", "send-again", "erase")]
    for answer in shown + acted[:1] + acted[2:]:
        assert "Is this your proposal?" in answer.text
        assert "stranger" not in answer.text
    assert stored(desk, "SELECT status FROM proposal") == ["unverified"]
    assert listed(desk) == []


def test_reading_the_link_confirms_nothing_and_pressing_twice_confirms_once(desk: Desk) -> None:
    link = desk.link(desk.propose("An idea"))
    desk.client.get(link)
    desk.client.head(link)
    assert listed(desk) == []
    for _ in range(2):
        assert desk.client.post(link, data={"action": "confirm"}).status_code == 303
    assert stored(desk, "SELECT revision FROM proposal") == [2]
    assert [key for key, _ in desk.said_of_proposals()] == [ASKED, SUBMITTED]


def test_one_link_is_enough_for_all_that_waits_for_the_address(desk: Desk) -> None:
    """An address is asked once a day, and it may be a stranger who has used that up."""
    first = desk.propose("First")
    for number in range(MOST_RECEIPTS + 1):
        desk.propose(f"Idea {number}", email="Proposer@Example.org")
    desk.propose("Another's", email="bo@example.org")
    desk.client.post(desk.link(first), data={"action": "confirm"})
    assert listed(desk) == ["First", *(f"Idea {number}" for number in range(MOST_RECEIPTS + 1))]


def test_address_that_nobody_confirms_is_forgotten(desk: Desk, relay: UnitOfWork) -> None:
    proposal = desk.propose("An idea")
    desk.client.post(PROPOSALS, json=an_answer("Proven", altcha=proof(desk.client)))
    link = desk.link(proposal)
    for later, left in ((UNVERIFIED_FOR - SECOND, "An idea"), (SECOND, "")):
        desk.clock.advance(later)
        forget_old(desk, relay)
        assert stored(desk) == [left, "Proven"]
    assert desk.client.post(link, data={"action": "confirm"}).status_code == 404
    assert stored(desk, "SELECT type FROM outbox ORDER BY id")[-1] == "org.troika.proposal.erased.v1"
    assert stored(desk, "SELECT count(*) FROM outbox WHERE blanked_at IS NOT NULL") == [1]
    assert listed(desk) == ["Proven"]


def test_link_ends_with_its_time_before_anybody_cleans_up(desk: Desk) -> None:
    link = desk.link(desk.propose("An idea"))
    desk.clock.advance(UNVERIFIED_FOR)
    assert desk.client.post(link, data={"action": "confirm"}).status_code == 404
    assert listed(desk) == []


def test_strangers_without_work_use_up_nothing_of_the_address(desk: Desk) -> None:
    """Neither its receipts nor what it may send in a day."""
    for number in range(25):
        desk.propose(f"A stranger's {number}")
    desk.client.post(PROPOSALS, json=an_answer("The owner's", altcha=proof(desk.client)))
    assert listed(desk) == ["The owner's"]
    assert [key for key, _ in desk.said_of_proposals()] == [ASKED] * MOST_RECEIPTS + [SUBMITTED]


def test_answer_without_work_tells_nothing_of_the_address(desk: Desk) -> None:
    """New, known and trapped: the same status and sentence."""
    desk.client.post(PROPOSALS, json=an_answer("An idea", altcha=proof(desk.client)))
    contents = (
        an_answer("New", email="bo@example.org"),
        an_answer("Known"),
        an_answer("Trapped", website="https://example.org"),
    )
    said = [desk.client.post(PROPOSALS, json=content).get_json() | {"id": ""} for content in contents]
    assert said[0] == said[1] == said[2]
    trapped = an_answer("Trapped", website="https://example.org", altcha=proof(desk.client))
    assert answered(desk.client, trapped) == (201, "submitted", "")


def test_page_without_a_script_works(desk: Desk) -> None:
    form = an_answer("An idea") | {"consent": "yes", "lang": "fr", "altcha": ""}
    answer = desk.client.post(PROPOSALS, data=form, headers=PAGE)
    assert (answer.status_code, "confirmez votre adresse" in answer.text) == (201, True)
    assert stored(desk, "SELECT status FROM proposal") == ["unverified"]


def test_page_is_shown_again_when_its_proof_has_run_out(desk: Desk) -> None:
    form = an_answer("An idea") | {"consent": "yes", "lang": "en", "altcha": proof(desk.client)}
    desk.clock.advance(LIFETIME)
    answer = desk.client.post(PROPOSALS, data=form, headers=PAGE)
    assert answer.status_code == 422
    assert "The check against robots has expired." in answer.text
    assert 'value="An idea"' in answer.text
    assert form["altcha"] not in answer.text
