"""Takes the pictures of the tutorial."""

import sys
from pathlib import Path

from deploy.local.demo import demo_folder
from deploy.local.installation import Content
from deploy.local.places import Places
from deploy.local.ports import chosen_ports
from tests.browser.demo_process import Demo
from tests.browser.first_event.steps import run_all
from tests.support.browser import chromium


def main() -> None:
    """Take the pictures into the folder that the command line names."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    demo = demo_folder(Content.NOTHING)
    key = (demo / "secrets" / "coordinator.txt").read_text().strip()
    with chromium() as browser:
        walkthrough = run_all(Demo(demo, Places(chosen_ports(), key)), browser, folder)
    print(f"{len(walkthrough.taken)} pictures, {walkthrough.clicks} clicks")


if __name__ == "__main__":
    main()
