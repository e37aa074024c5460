"""Which language serves somebody, and the texts that a script needs."""

import pytest

from services.registration.embed.strings import result_message, script_texts
from shared.i18n.languages import LANGUAGES, best_language, direction


@pytest.mark.parametrize(
    ("wanted", "found"), [("fr-CA", "fr"), ("zh_Hans", "zh"), ("AR", "ar"), ("de", "en"), ("", "en"), (None, "en")]
)
def test_best_language_is_a_supported_one(wanted: str | None, found: str) -> None:
    assert best_language(wanted) == found


def test_only_arabic_runs_from_right_to_left() -> None:
    assert [language for language in LANGUAGES if direction(language) == "rtl"] == ["ar"]


def test_script_has_its_texts() -> None:
    assert {"sending", "retry", "gave-up", "failed", "closed", "local-time"} <= set(
        script_texts("ru", "webinar", dated=True)
    )
    assert script_texts("en", "interest", dated=True)["result.confirmed.message"] == result_message(
        "confirmed", "en", "interest", dated=True
    )


def test_script_has_the_russian_forms_of_a_number() -> None:
    forms = script_texts("ru", "webinar", dated=True)["retry"]
    assert isinstance(forms, dict)
    found = {category: text.partition("{seconds} ")[2].split(" (")[0] for category, text in forms.items()}
    assert found == {"one": "секунду", "few": "секунды", "many": "секунд"}
