"""The public programme."""

from deploy.local.installation import WEBINAR
from deploy.local.screenshot_pages.opening import OpenPage, opened

SERIES = "upr-webinar-wednesday"

SCREENSHOT_PAGES: dict[str, OpenPage] = {
    "programme": opened("/programme?lang=en"),
    "programme-ar": opened("/programme?lang=ar"),
    "programme-event": opened(f"/programme/{WEBINAR}?lang=en"),
    "programme-event-ar": opened(f"/programme/{WEBINAR}?lang=ar"),
    "programme-series": opened(f"/programme/series/{SERIES}?lang=en"),
    "programme-groups": opened("/programme/groups?lang=en"),
}
