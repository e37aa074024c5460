"""The schemas that this code supports, and whether those of a backup match."""

from collections.abc import Mapping
from pathlib import Path

from deploy.shape import SERVICES
from shared.db.readiness import newest_revision

MIGRATIONS = Path(__file__).parents[3] / "services"


def known_revisions() -> dict[str, str]:
    """The newest revision of each service's schema in this code."""
    return {service: newest_revision(MIGRATIONS / service / "migrations") for service in SERVICES}


def newer_schemas(revisions: Mapping[str, str], known: Mapping[str, str]) -> list[str]:
    """Why this code cannot work with databases of ``revisions``; empty if it can, after ``migrate`` at the latest."""
    return [
        f"{service}: its schema is {revisions[service]}, this version of Troika supports {known[service]} at most: "
        "install the version that the backup was made with, or a later one"
        for service in SERVICES
        if revisions.get(service) and revisions[service] > known[service]
    ]


def older_schemas(revisions: Mapping[str, str], known: Mapping[str, str]) -> list[str]:
    """Services whose database must be migrated before their processes start."""
    return [service for service in SERVICES if revisions.get(service, "") < known[service]]
