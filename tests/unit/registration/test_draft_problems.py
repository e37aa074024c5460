"""What is in the way of publishing a draft, in the words of its page."""

import pytest

from services.registration.forms.designer import problem_text

FIELDS = [{"name": "name"}, {}]


@pytest.mark.parametrize(
    ("problem", "words"),
    [
        ("/capacity: must be a whole number", "Number of seats: must be a whole number"),
        ("/title: the title in English (en) is required", "Title: the title in English (en) is required"),
        ("/intro/fr: is too long", "Introduction (Fran\u00e7ais): is too long"),
        ("/fields: a form needs questions", "Questions: a form needs questions"),
        ("/fields/0/min: must be a number", "Question name: min: must be a number"),
        ("/fields/1: is no question", "Question 2: is no question"),
        ("/surprise: is not known here", "/surprise: is not known here"),
    ],
)
def test_problem_names_its_place_as_the_page_does(problem: str, words: str) -> None:
    assert problem_text(problem, FIELDS) == words
