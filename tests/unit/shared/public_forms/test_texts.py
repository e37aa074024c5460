"""The choice of a language, and the texts that a script needs."""

import pytest

from services.registration.embed.strings import OUTCOMES, script_texts, submission_texts
from shared.i18n.languages import LANGUAGES, best_language, direction


@pytest.mark.parametrize(
    ("wanted", "found"), [("fr-CA", "fr"), ("zh_Hans", "zh"), ("AR", "ar"), ("de", "en"), ("", "en"), (None, "en")]
)
def test_best_language_is_a_supported_one(wanted: str | None, found: str) -> None:
    assert best_language(wanted) == found


def test_only_arabic_runs_from_right_to_left() -> None:
    assert [language for language in LANGUAGES if direction(language) == "rtl"] == ["ar"]


ALWAYS = {"sending", "retry", "gave-up", "failed", "closed", "local-time"}


def test_script_has_its_texts() -> None:
    """Outcomes are sent to the script of a form that has them at once, and to no other."""
    assert set(script_texts("ru", "webinar", dated=True, verification="email")) == ALWAYS
    texts = script_texts("en", "interest", dated=True, verification="none")
    outcomes = {f"outcome.{one}.{part}" for one in OUTCOMES for part in ("title", "message")}
    assert set(texts) == ALWAYS | outcomes | {"late"}
    assert texts["outcome.confirmed.title"] == "We will write to you"


def test_script_has_the_russian_forms_of_a_number() -> None:
    forms = script_texts("ru", "webinar", dated=True, verification="email")["retry"]
    assert isinstance(forms, dict)
    found = {category: text.partition("{seconds} ")[2].split(" (")[0] for category, text in forms.items()}
    assert found == {"one": "секунду", "few": "секунды", "many": "секунд"}


def test_everyone_reads_the_same_after_a_submission() -> None:
    assert submission_texts("en", "email") == (
        "We have received your answers",
        "We are sending an e-mail to the address below. Open it and confirm: no one is registered before that. "
        "It usually arrives within minutes, at the latest within a day.",
    )
    assert submission_texts("en", "none")[1] == "The outcome is usually known within seconds."
