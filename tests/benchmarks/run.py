"""``python -m tests.benchmarks.run [P1 P5 …]``: the measurements, all by default, as a table and ``bench.json``.

Each is measured against its reference in the same run. One that fails ends the run: there is no gap in the table. What
was measured before is written already then.
"""

import json
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import click

from tests.benchmarks import (
    consuming,
    cost,
    intake,
    mailing,
    outage,
    proving,
    reading,
    relaying,
    schedule,
    telling,
    visiting,
)
from tests.benchmarks.circumstances import circumstances
from tests.benchmarks.ground import BROKER_OFF_S, BULLETIN, MILLION, PAIRS, Entry, Ground, Options
from tests.support.run_folder import RunFolder, sweep

MEASUREMENTS: dict[str, tuple[str, Callable[[Ground], Entry]]] = {
    "P1": ("intake on one event, to the floor", intake.measure_many),
    "P2": ("one client at a time, p50 to the floor's", intake.measure_single),
    "P4": ("outbox to broker confirmed, to the intake", relaying.measure),
    "P5": ("consumer with inbox and effect, to bare kombu", consuming.measure),
    "P6": ("accepted to handed over, at half of the capacity", mailing.measure),
    "P7": ("broker away and back, intake p99 to before", outage.measure),
    "P8": ("coordinators' queries at a million, p95 to 10,000", reading.measure),
    "P9": ("timetable, gap to its bound", schedule.measure),
    "P10": ("memory at rest, MiB", cost.measure),
    "P11": ("is an address known? a guess by time, from 0.5", telling.measure),
    "P12": ("1,000 proofs of work checked, CPU s", proving.measure),
    "P13": ("the form and its submission, visits/s", visiting.measure_visits),
    "P14": ("public programme pages/s", visiting.measure_programme),
}
RESULTS = Path("bench.json")


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(list(MEASUREMENTS)))
@click.option("--bulletin", default=BULLETIN, show_default=True, help="P6: recipients of the bulletin, at least.")
@click.option("--broker-off", "broker_off_s", default=BROKER_OFF_S, show_default=True, help="P7: seconds.")
@click.option("--million", default=MILLION, show_default=True, help="P8: registrations on the large side.")
@click.option("--pairs", default=PAIRS, show_default=True, help="P11: pairs of each kind.")
def main(names: Sequence[str], **lengths: int) -> None:
    """Measure NAMES, print as it goes, write bench.json."""
    sweep()
    run = RunFolder.create()
    try:
        with tempfile.TemporaryDirectory() as folder:
            with Ground(run, Path(folder), Options(**lengths)) as ground:
                measure_all(ground, names or tuple(MEASUREMENTS))
    finally:
        run.remove()


def measure_all(ground: Ground, names: Sequence[str]) -> None:
    """Measure ``names`` one after the other and write down after each what is known."""
    found: dict[str, Entry] = {"circumstances": circumstances(ground)}
    print("  ".join(f"{name} {value}" for name, value in found["circumstances"].items()))
    for name in names:
        meaning, measure = MEASUREMENTS[name]
        print(f"\n{name}: {meaning}", flush=True)
        began = time.monotonic()
        entry = measure(ground)
        ground.entries[name] = entry
        found[name] = entry | {"seconds": round(time.monotonic() - began)}
        RESULTS.write_text(json.dumps(found, indent=2) + "\n")
    print_table(ground.entries)


def print_table(entries: dict[str, Entry]) -> None:
    """One line a measurement."""
    print(f"\n{'':<5}{'what':<52}{'ratio':>9}{'aim':>9}  met")
    for name, entry in entries.items():
        print(f"{name:<5}{MEASUREMENTS[name][0]:<52}{entry['ratio']:>9}{entry['aim']:>9}  {_word(entry['met'])}")


def _word(met: bool) -> str:
    return "yes" if met else "NO"


if __name__ == "__main__":
    main()
