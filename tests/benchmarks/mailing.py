"""P6: time from acceptance to handover to the mail relay, at half of the system's capacity; then beside a bulletin."""

import math
import time
from datetime import datetime
from typing import Any

import requests

from shared.db.engine import open_engine
from shared.runtime.clock import system_clock
from shared.runtime.ids import new_id, new_token
from shared.security.sealing import Vault, read_keys
from tests.benchmarks.processor import cpu_s
from tests.benchmarks.servers import Entry, Servers
from tests.benchmarks.whole_system import Whole
from tests.support.waiting import poll_until

RUSH, RUSH_PER_SECOND = 1500, 500
AT_HALF_S = 20
BESIDE_PER_SECOND, BESIDE_S = 10, 30
OUTLASTS = 2.0
"""A bulletin lasts this many times as long as what is measured beside it."""

AIM_CAPACITY, AIM_P50_S, AIM_P99_S, AIM_BESIDE_P99_S = 150.0, 1.0, 5.0, 10.0

_SENT = "SELECT count(*) FROM mail WHERE state = 'sent' AND kind = 'confirmation'"
_BULLETINS = "SELECT count(*) FROM mail WHERE state = 'sent' AND kind = 'bulletin'"
_MIDDLE = """
    SELECT count(*), extract(epoch FROM max(sent_at) - min(sent_at)) FROM (
        SELECT sent_at, percent_rank() OVER (ORDER BY sent_at) AS rank FROM mail WHERE state = 'sent') AS each
    WHERE rank BETWEEN 0.2 AND 0.95
"""
"""Without the beginning, when the first mails were still on their way, and without the end."""

_DELAYS = """
    SELECT round(percentile_cont(0.5) WITHIN GROUP (ORDER BY delay)::numeric, 2),
        round(percentile_cont(0.99) WITHIN GROUP (ORDER BY delay)::numeric, 2), count(*)
    FROM mail, LATERAL (SELECT extract(epoch FROM sent_at - cause_at) AS delay) AS each
    WHERE kind = 'confirmation' AND state = 'sent' AND cause_at BETWEEN %s AND %s
"""
_RECIPIENTS = """
    INSERT INTO recipient (subject, about, person_ref, language, status, revision, occurred_at, form, form_kind,
        event, verified, representative, closed, noted_at, heard_at)
    VALUES (CAST(:subject AS uuid), 'registration', :person_ref, 'en', 'confirmed', 1, now(), 'join-working-group',
        'working_group', NULL, true, false, :closed, now(), now())
"""
TEXT = {"subject": "Who speaks for your working group?", "text": "Some working groups have nobody yet.\n\nPlease look."}


def measure(servers: Servers) -> Entry:
    """P6."""
    with servers.whole("mailing", servers.rabbit) as whole:
        whole.start()
        whole.start_other_webs(workers=1)
        capacity, cpu_ms = _capacity(whole, servers.postgres.pid)
        half = _delays(whole, capacity / 2, AT_HALF_S)
        print(f"  capacity {capacity:.0f}/s (aim: {AIM_CAPACITY:.0f}), {cpu_ms} ms CPU each; half: {half}", flush=True)
        people = bulletin_size(servers.options.bulletin, capacity)
        beside = _beside_bulletin(whole, people)
    print(f"  beside a bulletin to {people}: {beside}")
    met = capacity >= AIM_CAPACITY and half["p50_s"] < AIM_P50_S and half["p99_s"] < AIM_P99_S
    return {
        "ratio": round(capacity / AIM_CAPACITY, 2),
        "aim": 1.0,
        "met": met and beside["p99_s"] < AIM_BESIDE_P99_S,
        "capacity_per_second": round(capacity),
        "cpu_ms": cpu_ms,
        "at_half": half,
        "beside_bulletin": beside,
    }


def _capacity(whole: Whole, postgres: int) -> tuple[float, float]:
    """Mails a second while more wait than can go, and processor time of one, in ms: our processes and PostgreSQL."""
    assert whole.web is not None
    ours = [program.pid for name, program in whole.programs.items() if name != "sink"]
    pids = [*ours, whole.web.program.pid, postgres]
    before_s = cpu_s(pids)
    accepted = len(whole.offer(RUSH_PER_SECOND, RUSH / RUSH_PER_SECOND).latencies_s)
    _all_sent(whole, accepted, 180)
    spent_s = cpu_s(pids) - before_s
    count, seconds = whole.sql("notifications", _MIDDLE)[0]
    return float(str(count)) / float(str(seconds)), round(spent_s * 1000 / accepted, 2)


def _delays(whole: Whole, per_second: float, seconds: float) -> Entry:
    """Delays of those who register in the time, from their registration to the relay's 250."""
    before, since = _sent(whole), system_clock()
    result = whole.offer(per_second, seconds)
    until = system_clock()
    _all_sent(whole, before + len(result.latencies_s), 180)
    return {"offered_per_second": round(per_second, 1), **_between(whole, since, until)}


def _between(whole: Whole, since: datetime, until: datetime) -> Entry:
    p50, p99, count = whole.sql("notifications", _DELAYS, since, until)[0]
    return {"p50_s": float(str(p50)), "p99_s": float(str(p99)), "mails": count}


def bulletin_size(asked: int, capacity_per_second: float) -> int:
    """Recipients: as many as asked for, or more where those would be served before the measurement beside it ends."""
    return max(asked, math.ceil(OUTLASTS * BESIDE_S * capacity_per_second))


def _beside_bulletin(whole: Whole, people: int) -> Entry:
    _add_recipients(whole, people)
    began = time.monotonic()
    _send_bulletin(whole, people)
    poll_until(lambda: _bulletins(whole) > people // 100, 120, what="the bulletin is on its way")
    found = _delays(whole, BESIDE_PER_SECOND, BESIDE_S)
    gone = _bulletins(whole)
    assert gone < people, f"the bulletin to {people} was over before the measurement: take more recipients"
    return found | {"bulletin": people, "bulletin_sent_meanwhile": gone, "after_s": round(time.monotonic() - began)}


def _add_recipients(whole: Whole, people: int) -> None:
    """Members of working groups, inserted as recipients as if their registrations had been consumed long ago."""
    vault = Vault(read_keys(whole.installation.secrets.folder / "vault.key"))
    engine = open_engine(whole.installation.urls["notifications"], statement_timeout_ms=0)
    from sqlalchemy import text

    with engine.begin() as connection:
        connection.execute(text(_RECIPIENTS), [_recipient(vault, number) for number in range(people)])
    engine.dispose()


def _recipient(vault: Vault, number: int) -> dict[str, Any]:
    subject = new_id()
    personal = {"name": f"Member {number}", "address": f"member-{number}@example.org", "token": new_token()}
    closed = vault.close({**personal, "time_zone": "Africa/Nairobi"}, row=subject)
    return {"subject": subject, "person_ref": f"{number:064x}", "closed": closed}


def _send_bulletin(whole: Whole, people: int) -> None:
    url, key = whole.url_of("notifications"), whole.installation.secrets.coordinator_key
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {key}"

    def post(path: str, content: Any) -> Any:
        answer = session.post(f"{url}/v1/bulletins{path}", json=content, timeout=60)
        assert answer.ok, answer.text
        return answer.json()

    made = post("", {"segment": {"form": ["join-working-group"]}, "texts": {"en": TEXT}})["id"]
    seen = post(f"/{made}/preview", None)
    assert seen["audience"] == people
    post(f"/{made}/send", {"expected": people, "mark": seen["mark"]})
    session.close()


def _bulletins(whole: Whole) -> int:
    return int(str(whole.sql("notifications", _BULLETINS)[0][0]))


def _sent(whole: Whole) -> int:
    return int(str(whole.sql("notifications", _SENT)[0][0]))


def _all_sent(whole: Whole, count: int, within_s: float) -> None:
    poll_until(lambda: _sent(whole) >= count, within_s, every_s=0.25, what=f"{count} confirmations are sent")
