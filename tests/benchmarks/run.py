"""``python -m tests.benchmarks.run [P1 P5 …]``: the measurements, all by default, as a table and ``bench.json``.

Each is measured against its reference in the same run. One that fails ends the run: there is no gap in the table. What
was measured before is written already then.
"""

import json
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from tests.benchmarks import (
    consuming,
    cost,
    deciding,
    importing,
    intake,
    mailing,
    outage,
    overload,
    proof_of_work,
    queries,
    relaying,
    schedule,
    single_client,
    steady_load,
    timing_side_channel,
    visits,
)
from tests.benchmarks.environment import environment
from tests.benchmarks.servers import (
    BACKLOG,
    BROKER_OFF_S,
    BULLETIN,
    IMPORTED,
    MILLION,
    OVERLOAD_S,
    PAIRS,
    REQUESTS,
    ROUNDS,
    SECONDS,
    Entry,
    Options,
    Servers,
)
from tests.support.run_folder import RunFolder, sweep

MEASUREMENTS: dict[str, tuple[str, Callable[[Servers], Entry]]] = {
    "P1": ("intake on one form, to the gevent floor", intake.measure),
    "P1b": ("decided on one limited form, to P1 (b)", deciding.measure),
    "P2": ("one client at a time, p50 to the gevent floor's", single_client.measure),
    "P3": ("overload 10 and 20 times, goodput to the peak", overload.measure),
    "P4": ("outbox to broker confirmed, to the intake", relaying.measure),
    "P5": ("consumer with inbox and effect, to bare kombu", consuming.measure),
    "P6": ("accepted to handed over, at half of the capacity", mailing.measure),
    "P7": ("broker away and back, intake p99 to before", outage.measure),
    "P8": ("coordinators' queries at a million, p95 to 10,000", queries.measure),
    "P9": ("timetable, gap to its bound", schedule.measure),
    "P10": ("memory at rest, MiB", cost.measure),
    "P11": ("is an address known? a guess by time, from 0.5", timing_side_channel.measure),
    "P12": ("1,000 proofs of work checked, CPU s", proof_of_work.measure),
    "P13": ("the form and its submission, visits/s", visits.measure_visits),
    "P14": ("public programme pages/s", visits.measure_programme),
    "P15": ("open loop at 50, 85, 120 %, worst p99 to its aim", steady_load.measure),
    "P16": ("people imported from a file, seconds", importing.measure),
}
RESULTS = Path("bench.json")


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(list(MEASUREMENTS)))
@click.option("--bulletin", default=BULLETIN, show_default=True, help="P6: recipients of the bulletin, at least.")
@click.option("--broker-off", "broker_off_s", default=BROKER_OFF_S, show_default=True, help="P7: seconds.")
@click.option("--million", default=MILLION, show_default=True, help="P8: registrations on the large side.")
@click.option("--pairs", default=PAIRS, show_default=True, help="P11: pairs of each kind.")
@click.option("--seconds", default=SECONDS, show_default=True, help="P1, P1b, P3, P13 to P15: of each load.")
@click.option("--rounds", default=ROUNDS, show_default=True, help="P1: of each way.")
@click.option("--overload", "overload_s", default=OVERLOAD_S, show_default=True, help="P3: seconds of each.")
@click.option("--backlog", default=BACKLOG, show_default=True, help="P1b: submissions that wait.")
@click.option("--away", "away_s", default=0.0, help="P1b: seconds without a decider at 50 a second; then no backlog.")
@click.option("--imported", default=IMPORTED, show_default=True, help="P16: rows of the file.")
@click.option("--asked", default=REQUESTS, show_default=True, help="P2: requests a second apart.")
def main(names: Sequence[str], **lengths: Any) -> None:
    """Measure NAMES, print as it goes, write bench.json."""
    sweep()
    run = RunFolder.create()
    try:
        with tempfile.TemporaryDirectory() as folder:
            with Servers(run, Path(folder), Options(**lengths)) as servers:
                measure_all(servers, names or tuple(MEASUREMENTS))
    finally:
        run.remove()


def measure_all(servers: Servers, names: Sequence[str]) -> None:
    """Measure ``names`` one after the other and write down after each what is known."""
    found: dict[str, Entry] = {"circumstances": environment(servers)}
    print("  ".join(f"{name} {value}" for name, value in found["circumstances"].items()))
    for name in names:
        meaning, measure = MEASUREMENTS[name]
        print(f"\n{name}: {meaning}", flush=True)
        began = time.monotonic()
        entry = measure(servers)
        servers.entries[name] = entry
        found[name] = entry | {"seconds": round(time.monotonic() - began)}
        RESULTS.write_text(json.dumps(found, indent=2) + "\n")
    print_table(servers.entries)


def print_table(entries: dict[str, Entry]) -> None:
    """One line a measurement."""
    print(f"\n{'':<5}{'what':<52}{'ratio':>9}{'aim':>9}  met")
    for name, entry in entries.items():
        word = "yes" if entry["met"] else "NO"
        print(f"{name:<5}{MEASUREMENTS[name][0]:<52}{entry['ratio']:>9}{entry['aim']:>9}  {word}")


if __name__ == "__main__":
    main()
