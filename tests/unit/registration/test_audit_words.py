"""The audit log names what happened as the console does."""

import pytest

from services.registration.access.audit_log import word_of


@pytest.mark.parametrize(
    ("act", "words"),
    [
        ("event-made", "Event created"),
        ("working-group-made", "Working group created"),
        ("bulletin-sent", "Bulletin sent"),
        ("event-hold", "Event marked as held"),
    ],
)
def test_act_reads_as_what_happened(act: str, words: str) -> None:
    assert word_of(act) == words
