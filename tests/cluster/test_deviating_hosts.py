"""A deviating host does not become ready, and its readiness probe has the reason; the other hosts work."""

import shutil
import time
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from shared.security.keys import new_key
from tests.cluster.host import ports_of
from tests.cluster.installation import UNCHANGED, Cluster
from tests.support.clock import ALONE, OFFSET_FILE
from tests.support.processes import PROJECT
from tests.support.waiting import poll_until

pytestmark = pytest.mark.timeout(300)

NUMBERS = count(101)
"""Deviating hosts, and the last parts of their addresses."""

DECIDE, CONSUME = "registration-decide", "registration-consume"


def test_host_with_another_key(cluster: Cluster) -> None:
    """Another person key: it would make references that match no others."""
    secrets = cluster.run.part("deviating-secrets")
    shutil.copytree(cluster.secrets.folder, secrets, dirs_exist_ok=True)
    (secrets / "person.key").write_text(new_key().hex() + "\n")
    assert refusal(cluster, DECIDE, {"secrets": str(secrets)}).startswith("key person (TROIKA_PERSON_KEY_FILE)")


def test_host_with_another_clock(cluster: Cluster, tmp_path: Path) -> None:
    """A clock that is a minute ahead of the database's."""
    offset = tmp_path / "offset"
    offset.write_text("60")
    settings = {OFFSET_FILE: str(offset), ALONE: "yes"}
    found = refusal(cluster, DECIDE, {"launcher": "tests.support.shifted_clock"}, settings)
    assert found.startswith("clock: 60 s ahead of the database's")


def test_host_that_needs_another_schema(cluster: Cluster) -> None:
    """A host of a version whose migration has not been run."""
    tree = _tree(cluster.run.part("deviating-schema"))
    (tree / "services" / "registration" / "migrations" / "versions" / "0999_of_a_later_version.py").touch()
    found = refusal(cluster, DECIDE, {"project": str(tree)})
    assert found == "schema: at 0001, this program needs 0999; run migrate"


def test_host_that_needs_another_topology(cluster: Cluster) -> None:
    """A host of a version with an exchange that the broker lacks."""
    tree = _tree(cluster.run.part("deviating-topology"))
    names = tree / "shared" / "messaging" / "broker.py"
    names.write_text(names.read_text().replace('"troika.retry"', '"troika.later"'))
    found = refusal(cluster, CONSUME, {"project": str(tree)})
    assert found.startswith("topology: the broker lacks troika.later")


def refusal(
    cluster: Cluster, process: str, changes: Mapping[str, object], settings: Mapping[str, str] = UNCHANGED
) -> str:
    """Start one process on a separate host, and return why it is not ready; print the reason and the time."""
    number = next(NUMBERS)
    host = cluster.add_host(f"deviating{number}", number, PROJECT)
    url = f"http://{host.host.address}:{ports_of(host.folder)[process]}/readyz"
    began_at_s = time.monotonic()
    try:
        cluster.begin(host, {**changes, "only": process}, {**settings, "TROIKA_METRICS_HOST": "0.0.0.0"})
        found = poll_until(lambda: _reasons(url), 60, what=f"{process} reports why it is not ready")
        print(f"\n{host.host.name}, after {time.monotonic() - began_at_s:.1f} s: {found}")
        return found
    finally:
        host.host.kill()


def _reasons(url: str) -> str:
    """The lines of a refusal; empty while nothing answers, or the process is ready."""
    try:
        with urlopen(url, timeout=2):
            return ""
    except HTTPError as refused:
        return refused.read().decode().partition("\n")[2].strip()
    except OSError:
        return ""


def _tree(folder: Path) -> Path:
    """A copy of our code."""
    for name in ("services", "shared", "deploy"):
        shutil.copytree(PROJECT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    return folder
