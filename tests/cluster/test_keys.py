"""All hosts share the keys of forms: each opens answers sealed on any host, and a destroyed key is gone on all."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
import requests
import yaml

from deploy.local.installation import SAMPLE, WEBINAR
from shared.public_forms.proof_of_work import proof_keys
from shared.security.keys import read_keys
from tests.cluster.host import ports_of
from tests.cluster.installation import ApplicationHost, Cluster
from tests.support.clients import answers, submissions_path
from tests.support.processes import PROJECT
from tests.support.proofs_of_work import minted
from tests.support.waiting import poll_until

FORM, NEEDS = "form-of-two-hosts", "a ramp"
GONE_WITHIN_S = 5.0

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def registered(cluster: Cluster) -> list[str]:
    """Ids of two registrations on a new form, one through each host."""
    folder = cluster.run.part("form")
    (form,) = (one for one in yaml.safe_load((PROJECT / SAMPLE / "forms.yaml").read_text()) if one["slug"] == WEBINAR)
    (folder / "forms.yaml").write_text(yaml.safe_dump([{**form, "slug": FORM, "verification": "none", "capacity": 10}]))
    (folder / "partners.yaml").write_text((PROJECT / SAMPLE / "partners.yaml").read_text())
    cluster.command("registration", "load", str(folder))
    keys = proof_keys(read_keys(cluster.secrets.folder / "intake.key"), "registration")
    for number, host in enumerate(cluster.hosts):
        proof = minted(keys, FORM, datetime.now(UTC))
        content = answers(900_000 + number, access_needs=NEEDS, altcha=proof)
        url = _url(host, "registration-forms") + submissions_path(FORM)
        poll_until(lambda url=url, content=content: _accepted(url, content), 30, what="a registration is accepted")  # type: ignore[misc]
    poll_until(lambda: len(_ids(cluster)) == len(cluster.hosts), 30, what="both are decided")
    return _ids(cluster)


def test_each_host_opens_what_was_sealed_on_any(cluster: Cluster, registered: Sequence[str]) -> None:
    """Two hosts, one form, one key."""
    (key,) = cluster.query("registration", f"SELECT count(*) FROM form_key WHERE form = '{FORM}'")
    assert key == (1,)
    for host in cluster.hosts:
        for identity in registered:
            found = _read(cluster, host, identity)
            assert (found.status_code, found.json()["answers"]["access_needs"]) == (200, NEEDS)


def test_destroyed_key_is_gone_on_all_hosts(cluster: Cluster, registered: Sequence[str]) -> None:
    """Each host has used the key before, and answers 410 soon after the command has ended."""
    for host in cluster.hosts:
        assert _read(cluster, host, registered[0]).status_code == 200
    with cluster.postgres.connect("registration") as connection:
        connection.execute("UPDATE form SET open = false WHERE slug = %s", [FORM])
    words = ("keys", "destroy", FORM, "--yes", "--without-second-person")
    cluster.command("registration", *words, settings={"TROIKA_OPERATOR": "Op Erator"})
    destroyed_at_s = time.monotonic()
    for host in cluster.hosts:
        poll_until(
            lambda host=host: _read(cluster, host, registered[0]).status_code == 410,  # type: ignore[misc]
            30,
            what=f"the key is gone on {host.host.name}",
        )
    seconds = time.monotonic() - destroyed_at_s
    print(f"\nkey destroyed: gone on both hosts after {seconds:.1f} s")
    assert seconds < GONE_WITHIN_S


def _accepted(url: str, content: dict[str, Any]) -> bool:
    return requests.post(url, json=content, timeout=20).status_code == 202


def _ids(cluster: Cluster) -> list[str]:
    return [str(row[0]) for row in cluster.query("registration", f"SELECT id FROM registration WHERE form = '{FORM}'")]


def _url(host: ApplicationHost, process: str) -> str:
    return f"http://{host.host.address}:{ports_of(host.folder)[process]}"


def _read(cluster: Cluster, host: ApplicationHost, identity: str) -> requests.Response:
    """The sealed answers of a registration, at the desk of a host."""
    url = f"{_url(host, 'registration-desk')}/v1/registrations/{identity}/sealed"
    headers = {"Authorization": f"Bearer {cluster.secrets.coordinator_key}"}
    return requests.post(url, json={"reason": "She asked for a ramp"}, headers=headers, timeout=20)
