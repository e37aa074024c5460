"""People whose registration is lost and who must be contacted: names and addresses, for the operator only.

Only the recipients in notifications still hold them, and applying the plan erases those: so this comes first.
"""

import json
from collections.abc import Sequence
from pathlib import Path

from deploy.operations.recover.databases import NOTIFICATIONS, Databases
from shared.core.sealing import Unsealable, Vault

_BOOK = """
    SELECT subject::text, form, event, language, status, closed FROM recipient
    WHERE subject = ANY(CAST(:ids AS uuid[])) AND closed IS NOT NULL ORDER BY form, subject
"""


def write_people(databases: Databases, vault: Vault, ids: Sequence[str], path: Path) -> int:
    """Write one JSON line a person to a file that its owner alone can read; returns how many.

    Args:
        databases: in quarantine.
        vault: opens the recipient book.
        ids: of the lost registrations.
        path: the file.
    """
    path.touch(mode=0o600)
    path.chmod(0o600)
    lines = []
    for subject, form, event, language, status, closed in databases.rows(NOTIFICATIONS, _BOOK, ids=list(ids)):
        try:
            personal = vault.open(closed, row=subject)
        except Unsealable:
            personal = {}
        named = {name: personal.get(name, "") for name in ("name", "address")}
        about = {"registration": subject, "form": form, "event": event, "language": language, "status": status}
        lines.append(json.dumps(about | named, ensure_ascii=False))
    path.write_text("".join(f"{line}\n" for line in lines))
    return len(lines)
