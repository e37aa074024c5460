import os, random, time
import pytest
from tests.chaos.points.table import *
from tests.chaos.points.driving import Driver


@pytest.mark.timeout(3000)
@pytest.mark.parametrize(("driver", "bus"), [(bus, bus) for bus in BUSES], indirect=["driver"], ids=BUSES)
def test_sample(driver: Driver, bus):
    until = time.time() + float(os.environ["SECONDS_EACH"])
    cells = [c for c in all_cells() if c.bus == bus and (c.deed, c.hit) != ("kill", 1)]
    ws = waves(cells)
    long = [w for w in ws if any(c.deed == "hang" and c.hang_s >= 30 for c in w)]
    rest = [w for w in ws if w not in long]
    random.Random(11).shuffle(rest)
    rest = [w for w in rest if w[0].program not in APART] + [w for w in rest if w[0].program in APART][:8]
    if bus == "embedded":
        rest = [w for w in rest if w[0].program in APART] + [w for w in rest if w[0].program not in APART]
    long.sort(key=lambda w: w[0].program not in APART)
    quiet = True
    n = 0
    for w in long + rest:
        if time.time() > until:
            break
        apart = all(c.program in APART for c in w)
        if not apart and not quiet:
            driver.be_quiet()
        quiet = not apart
        t = time.monotonic()
        try:
            driver.try_wave(w)
        except AssertionError as e:
            print("FAILED WAVE", str(e)[:3000], flush=True)
            raise
        n += len(w)
        print(f"{time.monotonic() - t:.1f}", ", ".join(map(str, w)), flush=True)
    print("CELLS", bus, n, "of", len(cells), "registrations", len(driver.rig.people.ids), flush=True)
