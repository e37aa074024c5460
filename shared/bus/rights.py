"""Rights on the embedded bus: relays add messages, consumers and operators claim and delete them.

Nobody changes a message that is stored: a claim writes two columns, and whoever retries, parks or replays a message
stores a copy under their own login.
"""

from shared.contracts.registry import SERVICES
from shared.core.rights import Rights, login

CLAIM = "update(claimed_by,claims)"

_BY_PROCESS = {
    "relay": "insert",
    "consume": f"select insert {CLAIM} delete",
    "operator": f"select insert {CLAIM} delete",
    "work": f"select insert {CLAIM} delete",  # relay and consume in one process
}

RIGHTS: Rights = {
    "bus_message": {login(service, process): verbs for service in SERVICES for process, verbs in _BY_PROCESS.items()}
}
"""Verbs by table and login."""
