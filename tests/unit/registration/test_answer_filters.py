"""Conditions on the answers to a form's own questions."""

from services.registration.people.answer_filters import EQUALS, AnswerFilter, read_answer_filters
from tests.unit.shared.public_forms.samples import form_with


def test_address_is_searched_as_it_is_stored() -> None:
    """Domains are stored in ASCII; in any other text they stay as they are written."""
    definition = form_with({"name": "sponsor", "kind": "email"}, {"name": "remark", "kind": "text"})
    asked = {"answer.sponsor": " anna@bücher.example", "answer.remark": "anna@bücher.example"}
    assert read_answer_filters(asked, definition) == (
        AnswerFilter("sponsor", EQUALS, "anna@xn--bcher-kva.example", is_part=True),
        AnswerFilter("remark", EQUALS, "anna@bücher.example", is_part=True),
    )
