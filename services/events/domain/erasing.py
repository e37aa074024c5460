"""Why a coordinator may erase whoever proposed a side event. A closed list: a free text could name them."""

REASONS = {
    "asked": "Erased: whoever proposed it asked for it",
    "not-theirs": "Erased: the address was given by somebody else",
    "mistake": "Erased: it was sent by mistake",
    "no-longer-needed": "Erased: it is no longer needed",
}
"""In the words of the history."""

BY_LINK = "Erased by link"
NEVER_VERIFIED = "Erased: the address was not confirmed"
KEPT_LONG_ENOUGH = "Erased: it was kept as long as it may be"
