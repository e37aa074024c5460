"""Which names of colleagues are accepted."""

import pytest

from services.registration.access.model import appearance, is_readable


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


@pytest.mark.parametrize(
    ("name", "other", "same"),
    [
        ("Eva Coca", "Еvа Соса", True),
        ("Coca", "Сосa", True),
        ("Zoë Pope", "Zоё Роре", True),
        ("Nina", "Νina", True),
        ("Ali Ilan", "AIi llan", True),
        ("Olga", "0lga", True),
        ("Anna", "Анна", False),
        ("Ana", "Ane", False),
        ("Zoë", "Zoe", False),
    ],
)
def test_names_that_look_the_same_compare_equal(name: str, other: str, *, same: bool) -> None:
    """Whole words of another alphabet too: is_readable refuses mixed ones alone."""
    assert (appearance(name) == appearance(other)) is same
