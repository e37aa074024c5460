"""How many connections to PostgreSQL a process opens at most: the sizes of its pools."""

from services.registration.web import INTAKE_CONNECTIONS
from shared.runtime.deployment import AdmissionLimits

WORKER_CONNECTIONS = 4
"""Of a background process: ``pool_size`` of ``open_engine``."""


def web_connections(service: str) -> int:
    """Of one worker of a web process; registration's have a pool of their own for submissions."""
    return AdmissionLimits().connections + (INTAKE_CONNECTIONS if service == "registration" else 0)
