"""The demo restarts a process that has died, and says so; the others keep running."""

import os
import signal

from deploy.servers.records import SUPERVISOR, Records
from tests.browser.running import Demo
from tests.support.run_folder import RunFolder
from tests.support.waiting import poll_until

DIES = "notifications-work"


def test_process_that_was_killed_runs_again(demo: Demo, run_folder: RunFolder) -> None:
    before = Records(demo.folder).running()
    os.kill(before[DIES], signal.SIGKILL)
    poll_until(lambda: Records(demo.folder).running().get(DIES) not in (None, before[DIES]), 20, what=f"a new {DIES}")
    after = Records(demo.folder).running()
    run_folder.record(after[DIES])
    assert {name: pid for name, pid in after.items() if name != DIES} == {
        name: pid for name, pid in before.items() if name != DIES
    }
    assert {SUPERVISOR, "front", "sink", "partner", "events-work"} <= set(after)
    said = "".join(file.read_text() for file in run_folder.path.glob("processes-*/demo*"))
    assert said.count(f"{DIES} ended with -9, starts again in 0.5 s") == 1
