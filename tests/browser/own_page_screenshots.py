"""``python -m tests.browser.own_page_screenshots FOLDER``: screenshots of the own page, in every state.

Each picture shows one state wide and narrow; there is one in English and one in Arabic.
"""

import base64
import sys
from pathlib import Path

from playwright.sync_api import Browser

from services.registration.embed.pages import PageStyle
from tests.browser.intake_site import intake_site
from tests.support.browser import chromium
from tests.support.intake_pages import WHEN
from tests.support.own_pages import Typed, own_pages

LANGUAGES = ("en", "ar")
WIDTHS = (800, 360)
"""Of the browser's window in CSS pixels; the narrow one is a common phone."""

SIDE_BY_SIDE = """async shots => {
  const images = await Promise.all(shots.map(async shot => {
    const image = new Image();
    image.src = "data:image/png;base64," + shot;
    await image.decode();
    return image;
  }));
  const canvas = document.createElement("canvas");
  canvas.width = images.reduce((sum, one) => sum + one.width + 20, 20);
  canvas.height = Math.max(...images.map(one => one.height)) + 40;
  const drawing = canvas.getContext("2d");
  drawing.fillStyle = "#8a8f98";
  drawing.fillRect(0, 0, canvas.width, canvas.height);
  let left = 20;
  for (const image of images) {
    drawing.drawImage(image, left, 20);
    left += image.width + 20;
  }
  return canvas.toDataURL("image/webp", 0.5);
}"""


def screenshot_names() -> list[str]:
    """Return the names of all pictures, without ending."""
    return [f"{state}-{language}" for state in own_pages(PageStyle("en"), WHEN, Typed()) for language in LANGUAGES]


def take(browser: Browser, address: str, folder: Path) -> None:
    """Take every picture.

    Args:
        browser: to take them with.
        address: of a site that has the pages below ``/pictured/``.
        folder: for ``<state>-<language>.webp``.
    """
    sheet = browser.new_page()
    pages = [browser.new_page(viewport={"width": width, "height": 400}, locale="en-GB") for width in WIDTHS]
    for name in screenshot_names():
        state, _, language = name.rpartition("-")
        shots = []
        for page in pages:
            page.goto(f"{address}/pictured/{state}?lang={language}")
            shots.append(base64.b64encode(page.screenshot(full_page=True, animations="disabled")).decode())
        encoded = str(sheet.evaluate(SIDE_BY_SIDE, shots)).partition(",")[2]
        (folder / f"{name}.webp").write_bytes(base64.b64decode(encoded))


def main() -> None:
    """Take the pictures into the folder that the command line names."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    with intake_site() as site, chromium() as browser:
        take(browser, site.address, folder)
    print(f"{len(screenshot_names())} pictures in {folder}")


if __name__ == "__main__":
    main()
