"""A13: keys of forms in both databases, in each state in which they differ or agree."""

import hashlib

import pytest

from deploy.operations.audit.form_keys import A13
from deploy.operations.audit.reading import open_sources
from deploy.operations.audit.reconcile import AuditOutcome, Judgement, judge
from tests.support.clients import rows
from tests.support.installation import TestInstallation

GRACE_S = 60.0
OLD, YOUNG = "1 hour", "1 second"
PUBLIC_KEY = bytes(range(32))
FINGERPRINT, ANOTHER = hashlib.sha256(PUBLIC_KEY).hexdigest()[:32], "ab" * 16

_FORM = """
    INSERT INTO form (slug, kind, definition, verification, waiting_list, partners, promotion_notice_minutes, open,
        revision) VALUES ('a-form', 'webinar', '{}', 'none', true, '{}', 60, true, 1)
"""
_KNOWN = """
    INSERT INTO form_key (form, public_key, created_at, destroyed_at)
    VALUES ('a-form', %s, now() - %s::interval, now() - %s::interval)
"""
_HELD = """
    INSERT INTO form_private_key (form, wrapped, fingerprints, changed_at, destroyed_at)
    VALUES ('a-form', %s, %s, now() - %s::interval, now() - %s::interval)
"""

Known = tuple[str, str | None] | None
"""Since when registration's database has the public key, and since when it is destroyed."""

Held = tuple[list[str], str, str | None] | None
"""Fingerprints in the keys database, since when they are so, and since when the key is destroyed."""


def judged(whole: TestInstallation, known: Known, held: Held) -> list[Judgement]:
    """Both checks of A13 where the databases hold this about one form."""
    rows(whole.urls["registration"], _FORM)
    if known is not None:
        created, destroyed = known
        rows(whole.urls["registration"], _KNOWN, None if destroyed else PUBLIC_KEY, created, destroyed)
    if held is not None:
        fingerprints, changed, destroyed = held
        rows(whole.urls["keys"], _HELD, None if destroyed else b"wrapped", fingerprints, changed, destroyed)
    with open_sources(whole.urls.audit_urls(), grace_s=GRACE_S) as sources:
        return judge(sources, [A13])


@pytest.mark.parametrize(
    ("known", "held", "outcome"),
    [
        ((OLD, None), ([FINGERPRINT], OLD, None), AuditOutcome.HOLDS),
        ((OLD, None), ([ANOTHER, FINGERPRINT], OLD, None), AuditOutcome.HOLDS),
        ((OLD, OLD), ([FINGERPRINT], OLD, OLD), AuditOutcome.HOLDS),
        (None, ([FINGERPRINT], OLD, None), AuditOutcome.HOLDS),
        ((OLD, None), ([ANOTHER], OLD, None), AuditOutcome.BROKEN),
        ((OLD, None), None, AuditOutcome.BROKEN),
        ((OLD, OLD), None, AuditOutcome.BROKEN),
        ((OLD, None), ([FINGERPRINT], OLD, OLD), AuditOutcome.BROKEN),
        ((OLD, OLD), ([FINGERPRINT], OLD, None), AuditOutcome.BROKEN),
        ((YOUNG, None), None, AuditOutcome.NOT_YET_DECIDABLE),
        ((YOUNG, None), ([ANOTHER], OLD, None), AuditOutcome.NOT_YET_DECIDABLE),
        ((OLD, YOUNG), ([FINGERPRINT], OLD, None), AuditOutcome.NOT_YET_DECIDABLE),
        ((OLD, None), ([ANOTHER], YOUNG, None), AuditOutcome.NOT_YET_DECIDABLE),
        ((OLD, None), ([FINGERPRINT], YOUNG, YOUNG), AuditOutcome.NOT_YET_DECIDABLE),
        (None, ([FINGERPRINT], YOUNG, None), AuditOutcome.NOT_YET_DECIDABLE),
    ],
    ids=[
        "same key",
        "key is being replaced",
        "destroyed in both",
        "made and not published",
        "another key",
        "key is missing",
        "tombstone is missing",
        "destroyed in the keys database alone",
        "destroyed in registration alone",
        "just published",
        "just published, another key",
        "just destroyed in registration",
        "just replaced",
        "just destroyed in the keys database",
        "just made",
    ],
)
def test_outcome_of_a_key(whole: TestInstallation, known: Known, held: Held, outcome: AuditOutcome) -> None:
    """A difference that is younger than the grace is not decidable yet."""
    keys, guard = judged(whole, known, held)
    assert (keys.outcome, guard.outcome) == (outcome, AuditOutcome.HOLDS)
    assert list(keys.waiting) == ["changes of keys under way"] * (outcome is AuditOutcome.NOT_YET_DECIDABLE)


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("ALTER TABLE form_private_key DISABLE TRIGGER tombstone_stays", "switched off"),
        ("ALTER TABLE form_private_key ENABLE REPLICA TRIGGER tombstone_stays", "switched off"),
        ("DROP TRIGGER tombstone_stays ON form_private_key", "missing"),
        ("DROP TRIGGER tombstone_stays ON form_private_key; CREATE TABLE other (destroyed_at timestamptz); "
         "CREATE TRIGGER tombstone_stays BEFORE UPDATE ON other FOR EACH ROW "
         "EXECUTE FUNCTION refuse_to_change_tombstone()", "missing"),
    ],
    ids=["switched off", "switched off for our logins", "dropped", "moved to another table"],
)  # fmt: skip
def test_tombstones_that_can_be_changed_are_found(whole: TestInstallation, statement: str, found: str) -> None:
    for one in statement.split("; "):
        rows(whole.urls["keys"], one)
    keys, guard = judged(whole, (OLD, None), ([FINGERPRINT], OLD, None))
    assert keys.outcome == AuditOutcome.HOLDS
    assert [(one.subject, one.expected, one.found) for one in guard.named] == [("tombstone_stays", "in force", found)]
