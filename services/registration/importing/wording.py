"""Words of the pages about imports."""

from collections.abc import Mapping, Sequence

from services.registration.importing.model import LANGUAGE, RECEIVED_AT, SAME_ADDRESS, STATUS, TIME_ZONE, Fate
from shared.public_forms.definition import FormDefinition
from shared.public_forms.fields import Field

FATES: Mapping[str, tuple[str, str, str]] = {
    Fate.CONFIRMED: ("New, with a seat", "good", "Registered, with a seat"),
    Fate.WAITLISTED: ("New, on the waiting list", "mind", "Registered, on the waiting list"),
    Fate.CHANGED: ("Already registered: answers change", "mind", "Answers changed"),
    Fate.SAME: ("Already registered: nothing changes", "", "Already registered: nothing changed"),
    Fate.DUPLICATE: ("Repeats another row", "", "Repeats another row"),
    Fate.LEFT_OUT: ("Not accepted in the file: left out", "", "Not accepted in the file: left out"),
    Fate.REFUSED: ("Refused", "wrong", "Refused"),
}
"""By fate: the word before the import, the style of its tag, and the word after the import."""

STATES: Mapping[str, tuple[str, str]] = {
    "uploaded": ("Columns not chosen yet", "mind"),
    "checked": ("Checked, not imported", "mind"),
    "running": ("Running", "mind"),
    "done": ("Done", "good"),
    "cancelled": ("Stopped", ""),
    "failed": ("Failed", "wrong"),
}

CONFIRM_REFUSALS: Mapping[str, str] = {
    "form-changed": "The form or its event was changed after the dry run, so nothing was imported. Check again.",
    "edit-conflict": "This import was changed after you opened the page, so nothing was done.",
    "bad-choice": "",
    "nothing-to-import": "There are no rows to import.",
    "event-over": "The event has begun, so no one can be registered.",
    "not-taking-place": "The event is postponed or cancelled, so no one can be registered.",
}
"""By code of a refusal: the sentence; empty: its own."""

_OWN = {
    STATUS: "Status: confirmed, waiting list, cancelled, pending",
    RECEIVED_AT: "When they registered",
    LANGUAGE: "Language of their mails",
    TIME_ZONE: "Time zone",
}


def rows_title(fate: str, state: str) -> str:
    """Return the title of a list of rows; ``fate`` may be ``SAME_ADDRESS``, or empty for all rows."""
    if fate == SAME_ADDRESS:
        return "The same address, another person"
    return FATES[fate][0 if state == "checked" else 2] if fate else "Rows"


def label(field: Field) -> str:
    """The question in English, or its name."""
    return field.label.in_language("en") or field.name


def target_titles(definition: FormDefinition, targets: Sequence[str]) -> dict[str, str]:
    """Return what a column can be, in words, by target."""
    fields = {field.name: field for field in definition.fields}
    return {
        target: _OWN[target]
        if target in _OWN
        else label(fields[target]) + (" (sealed)" if fields[target].sealed else "")
        for target in targets
    }
