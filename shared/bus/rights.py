"""Who may do what with the embedded bus: relays add messages, consumers take and settle them, operators look after
those that are parked."""

from shared.contracts.registry import SERVICES
from shared.core.rights import Rights, login

_BY_PROCESS = {
    "relay": "insert",
    "consume": "select insert update delete",
    "operator": "select insert update delete",
}

RIGHTS: Rights = {
    "bus_message": {login(service, process): verbs for service in SERVICES for process, verbs in _BY_PROCESS.items()}
}
"""Verbs by table and login."""
