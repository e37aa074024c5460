"""Slugs made of titles."""

import pytest

from shared.runtime.ids import free_slug, slug_from


@pytest.mark.parametrize(
    ("title", "slug"),
    [
        ("UPR Webinar Wednesday #11", "upr-webinar-wednesday-11"),
        ("  Réunion d’été à Genève ", "reunion-dete-a-geneve"),
        ("وبينار", ""),
        ("", ""),
        ("x" * 99, "x" * 80),
        (f"{'a' * 70} {'b' * 20}", "a" * 70),
    ],
)
def test_slug_is_made_of_latin_letters_and_whole_words(title: str, slug: str) -> None:
    assert slug_from(title) == slug


def test_slug_with_another_separator_and_length() -> None:
    assert slug_from("Which report does your group prepare?", "_", 25) == "which_report_does_your"


def test_slug_that_is_taken_gets_a_number() -> None:
    assert free_slug("report", {"report", "report_2"}, "_") == "report_3"
    assert free_slug("report", {"other"}) == "report"
