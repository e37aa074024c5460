"""The demo restarts a process that has ended, and reports it; the others keep running."""

import os
import signal

from deploy.servers.records import SUPERVISOR, Records
from tests.browser.demo_process import Demo
from tests.support.run_folder import RunFolder
from tests.support.waiting import poll_until

KILLED = "notifications-work"


def test_process_that_was_killed_runs_again(demo: Demo, run_folder: RunFolder) -> None:
    before = Records(demo.folder).running()
    os.kill(before[KILLED], signal.SIGKILL)
    poll_until(
        lambda: Records(demo.folder).running().get(KILLED) not in (None, before[KILLED]), 20, what=f"a new {KILLED}"
    )
    after = Records(demo.folder).running()
    run_folder.record(after[KILLED])
    assert {name: pid for name, pid in after.items() if name != KILLED} == {
        name: pid for name, pid in before.items() if name != KILLED
    }
    assert {SUPERVISOR, "front", "sink", "partner", "events-work"} <= set(after)
    output = "".join(file.read_text() for file in run_folder.path.glob("processes-*/demo*"))
    assert output.count(f"{KILLED} ended with -9, starts again in 0.5 s") == 1
