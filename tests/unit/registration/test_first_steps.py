"""The first steps of a new installation: what is done, what is next, and what must wait."""

from dataclasses import replace

import pytest

from services.registration.access.first_steps import Progress, steps_of

NOTHING = Progress(False, None, None, None, None, False, False, False)
EVERYONE = ("coordinator", "administrator")
WITH_EVENT = replace(NOTHING, groups=True, event="webinar-11")
WITH_PARTNER = replace(WITH_EVENT, partner="a-partner")
WITH_DRAFT = replace(WITH_PARTNER, draft="webinar-11")
WITH_FORM = replace(WITH_PARTNER, form="webinar-11")
SHOWN = replace(WITH_FORM, is_shown=True)


@pytest.mark.parametrize(
    ("progress", "path"),
    [
        (NOTHING, "/console/set-up/working-groups/new"),
        (replace(NOTHING, groups=True), "/console/new-event"),
        (WITH_EVENT, "/console/registrations/new-partner"),
        (WITH_PARTNER, "/console/registrations/new-form?event=webinar-11"),
        (WITH_DRAFT, "/console/registrations/form-drafts/webinar-11"),
        (WITH_FORM, "/console/registrations/partners/a-partner#snippet"),
        (SHOWN, "/console/access/invite"),
        (replace(SHOWN, colleagues=True), "/embed/webinar-11"),
    ],
)
def test_next_step_is_the_first_that_is_not_done(progress: Progress, path: str) -> None:
    assert [step.path for step in steps_of(progress, EVERYONE) if step.is_next] == [path]


def test_step_that_needs_an_earlier_one_leads_nowhere() -> None:
    waiting = [step.title for step in steps_of(NOTHING, EVERYONE) if not step.path]
    assert waiting == ["Create the form and publish it", "Give the partner the embed code", "See who registers"]


def test_only_an_administrator_is_led_to_invite_someone() -> None:
    titles = [[step.title for step in steps_of(NOTHING, roles)] for roles in (("coordinator",), EVERYONE)]
    assert ["Invite a colleague" in each for each in titles] == [False, True]


def test_nothing_is_next_when_all_is_done() -> None:
    steps = steps_of(replace(SHOWN, colleagues=True, registrations=True), EVERYONE)
    assert [(step.done, step.is_next) for step in steps] == [(True, False)] * 7
