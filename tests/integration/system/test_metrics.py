"""What Prometheus reads of each process."""

import subprocess

import requests
from prometheus_client.parser import text_string_to_metric_families

from deploy.shape import WORKERS
from tests.support.stack import Stack


def pages(whole: Stack) -> dict[str, str]:
    """The metrics page of every process, by its name."""
    assert whole.web is not None
    found = {"registration-web": requests.get(f"{whole.web.url}/-/registration/metrics", timeout=5).text}
    for service, role in WORKERS:
        name = f"{service}-{role}"
        found[name] = requests.get(f"http://127.0.0.1:{whole.ports[name]}/metrics", timeout=5).text
    return found


def figures(page: str, name: str) -> dict[str, float]:
    """Samples of one metric by the values of its labels."""
    return {
        " ".join(sample.labels[label] for label in sorted(sample.labels, reverse=True)): sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
        if sample.name == name
    }


def test_promtool_accepts_every_page(whole: Stack) -> None:
    """``promtool check metrics`` finds nothing to say about what is ours."""
    for name, page in pages(whole).items():
        checked = subprocess.run(["promtool", "check", "metrics"], input=page, capture_output=True, text=True)
        assert (checked.returncode, checked.stderr) == (0, ""), name
        assert "troika_" in page


def test_one_registration_is_counted_once(whole: Stack) -> None:
    """Accepted 1, each message done once, handed over 2: the mail that asks for it, and the confirmation."""
    found = pages(whole)
    assert figures(found["registration-web"], "troika_intake_requests_total")["accepted"] == 1.0
    assert figures(found["notifications-send"], "troika_mails_total") == {
        "sent verification": 1.0,
        "sent confirmation": 1.0,
    }
    consumed = figures(found["events-consume"], "troika_consumed_total")
    assert consumed == {"events.rollup done": 1.0, "events.contact done": 2.0}
    published = figures(found["registration-relay"], "troika_outbox_published_total")
    assert published == {"registration confirmed": 2.0}
    for service in ("registration", "events", "notifications"):
        age = figures(found[f"{service}-relay"], "troika_outbox_oldest_unpublished_age_seconds")
        assert age == {service: 0.0}


def test_probes_answer(whole: Stack) -> None:
    """Every worker says that it lives and that it is ready."""
    for service, role in WORKERS:
        address = f"http://127.0.0.1:{whole.ports[f'{service}-{role}']}"
        assert [requests.get(address + path, timeout=5).status_code for path in ("/livez", "/readyz", "/x")] == [
            200,
            200,
            503,
        ]
