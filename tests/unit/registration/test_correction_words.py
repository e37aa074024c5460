"""Words of refused corrections."""

import pytest

from services.registration.corrections.model import UNDECIDED, refusal_text
from shared.runtime.errors import DomainError


@pytest.mark.parametrize(
    ("refusal", "sentence"),
    [
        (DomainError("reason-needed", "choose a reason"), "Nothing was stored: choose a reason."),
        (DomainError("form-unknown"), "Nothing was stored: form-unknown."),
        (DomainError("undecided", "it is stored but not decided yet"), UNDECIDED),
    ],
)
def test_refusal_states_that_nothing_was_done_unless_it_is_stored(refusal: DomainError, sentence: str) -> None:
    assert refusal_text(refusal, "Nothing was stored") == sentence
