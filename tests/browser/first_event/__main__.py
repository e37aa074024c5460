"""Takes the pictures of the tutorial."""

import sys
from pathlib import Path

from deploy.local.demo import DEMO_FOLDER
from deploy.local.ports import chosen_ports
from deploy.local.screenshot_pages.places import Places
from tests.browser.first_event.steps import travel
from tests.browser.running import Demo
from tests.support.browser import chromium


def main() -> None:
    """Take the pictures into the folder that the command line names."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    key = (DEMO_FOLDER / "secrets" / "coordinator.txt").read_text().strip()
    with chromium() as browser:
        journey = travel(Demo(DEMO_FOLDER, Places(chosen_ports(), key)), browser, folder)
    print(f"{len(journey.taken)} pictures, {journey.clicks} clicks")


if __name__ == "__main__":
    main()
