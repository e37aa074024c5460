"""Which names of colleagues are accepted."""

import pytest

from services.registration.access.model import is_readable


@pytest.mark.parametrize(
    "name",
    [
        "Zoë O\u2019Brien-Núñez",
        "Dr. J.R. Doe",
        "Мария Иванова",
        "محمد العربي",
        "王小明",
        "山田はなこ",
        "Νίκος",
        "Ivan Иванов",
    ],
)
def test_name_in_one_script_or_one_script_a_word_is_accepted(name: str) -> None:
    assert is_readable(name)


@pytest.mark.parametrize(
    "name",
    [
        "M\u0430ria",  # a Cyrillic letter among Latin ones
        "Αnna",  # a Greek one
        "Maria https://example.org",
        "example.org",
        "exam\uff0eple\uff0eorg",  # full stops of full width
        "www.x",
        "maria@example.org",
        "Ma\u200bria",
        "Maria\u202e",
        "Maria\nB",
    ],
)
def test_name_that_shows_something_else_is_refused(name: str) -> None:
    assert not is_readable(name)
