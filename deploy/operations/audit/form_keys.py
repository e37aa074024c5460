"""A13: the keys of forms: registration's database has their fingerprints, and the keys database holds the keys."""

from deploy.operations.audit.checks import Alone, Equation, Paired, Side

KEYS = "keys"
"""Of an installation whose keys are in a folder there is no such database, and nothing is asked."""

_KNOWN = """
    SELECT form, CASE WHEN destroyed_at IS NULL THEN fingerprint ELSE 'destroyed' END,
        CASE WHEN greatest(created_at, destroyed_at) < %(settled_before)s THEN true END
    FROM form_key
"""
_HELD = """
    SELECT form, CASE WHEN destroyed_at IS NULL THEN array_to_string(fingerprints, ' ') ELSE 'destroyed' END,
        CASE WHEN changed_at < %(settled_before)s THEN false END
    FROM form_private_key
"""
_GUARD = """
    SELECT wanted.name, 'in force', CASE WHEN tgname IS NULL THEN 'missing' ELSE 'switched off' END
    FROM (SELECT 'tombstone_stays' AS name) AS wanted
    LEFT JOIN pg_trigger ON tgname = wanted.name AND tgrelid = 'form_private_key'::regclass
    WHERE tgenabled IS DISTINCT FROM 'O'
"""


def is_among(known: str, held: str) -> bool:
    """Whether a fingerprint is one of those of a form: two while its key is replaced."""
    return known in held.split()


def change_under_way(key: str, value: str | None) -> str:
    """The reason why a recent difference is not decidable yet."""
    del key, value
    return "changes of keys under way"


A13 = Equation(
    "A13",
    "each form seals to a key that the keys database holds, and a key is destroyed in both or in none",
    (
        Paired(
            "forms seal to the keys that are held; destroyed keys are destroyed in both",
            (Side("registration", _KNOWN),),
            (Side(KEYS, _HELD),),
            agrees=is_among,
            waits_for=change_under_way,
        ),
        Alone(KEYS, "no tombstone can be changed", _GUARD),
    ),
)
