"""People whose registration is lost and who must be contacted: names and addresses, for the operator only.

Only the recipients in notifications still hold them, and applying the plan erases those: so this comes first.
"""

import json
from collections.abc import Sequence
from pathlib import Path

from deploy.operations.recover.databases import NOTIFICATIONS, ComparedDatabases
from shared.runtime.accounts import write_private
from shared.security.sealing import Unsealable, Vault

_RECIPIENTS = """
    SELECT subject::text, form, event, language, status, closed FROM recipient
    WHERE subject = ANY(CAST(:ids AS uuid[])) AND closed IS NOT NULL ORDER BY form, subject
"""


def write_people(databases: ComparedDatabases, vault: Vault, ids: Sequence[str], path: Path) -> int:
    """Write one JSON line a person to a new file that only we can read; returns how many.

    Each of ``ids`` has a line; what is not known of it is empty. A file or a link that has the name is removed first:
    someone else may have made it, and would read what is written.

    Args:
        databases: the databases, which are in quarantine.
        vault: decrypts the recipients.
        ids: the ids of the lost registrations.
        path: the file.
    """
    found: dict[str, dict[str, str]] = {
        registration_id: {"registration": registration_id, "name": "", "address": ""} for registration_id in ids
    }
    for subject, form, event, language, status, closed in databases.rows(NOTIFICATIONS, _RECIPIENTS, ids=list(ids)):
        try:
            personal = vault.open(closed, row=subject)
        except Unsealable:
            personal = {}
        named = {name: personal.get(name, "") for name in ("name", "address")}
        about = {"registration": subject, "form": form, "event": event, "language": language, "status": status}
        found[subject] = about | named
    write_private(path, "".join(f"{json.dumps(person, ensure_ascii=False)}\n" for person in found.values()), None)
    return len(found)


def unwritten(ids: Sequence[str], path: Path) -> list[str]:
    """Those of ``ids`` that the file ``path`` has no line about; all of them if it is no such file."""
    try:
        with path.open(encoding="utf-8") as lines:
            written = {str(json.loads(line)["registration"]) for line in lines}
    except (OSError, ValueError, KeyError, TypeError):
        return list(ids)
    return [registration_id for registration_id in ids if registration_id not in written]
