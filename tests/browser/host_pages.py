"""Pages on a partner's origin, with the policy of a careful site, invented by the test."""

from typing import Any, Literal

from playwright.sync_api import Route

from deploy.local.installation import PARTNER
from deploy.local.partner.policy import POLICY
from tests.browser.demo_process import Demo
from tests.browser.visitor import Visit


def snippet(demo: Demo, form: str, script: str = "", **attributes: str) -> str:
    """What a web editor pastes; ``script`` is a tag in place of the usual one."""
    home = demo.ports.public_url
    given = "".join(f' {name}="{value}"' for name, value in attributes.items())
    tag = script or f'<script type="module" src="{home}/embed/troika.js"></script>'
    return (
        f'{tag}<troika-form form="{form}" partner="{PARTNER}"{given}>'
        f'<a href="{home}/embed/{form}?partner={PARTNER}">The form</a></troika-form>'
    )


def host_page(
    demo: Demo,
    visitor: Visit,
    body: str,
    *,
    policy: str = POLICY,
    language: str = "en",
    until: Literal["load", "commit"] = "load",
) -> None:
    """Open a page of the partner's site that holds ``body``, and wait until it has loaded, or has begun to."""
    address = f"{demo.ports.partner_url}/made-up"
    direction = "rtl" if language == "ar" else "ltr"
    answer: dict[str, Any] = {
        "headers": {"Content-Security-Policy": policy.format(troika=demo.ports.public_url)},
        "content_type": "text/html; charset=utf-8",
        "body": f"<!doctype html><html lang={language} dir={direction}><meta name=viewport content=width=device-width>"
        f"<title>Partner</title><main><h1>Partner</h1>{body}</main></html>",
    }

    def serve(route: Route) -> None:
        route.fulfill(**answer)

    # Chromium takes a page that the test answers for one of the public internet, which may not ask this machine
    visitor.context.grant_permissions(["local-network-access"], origin=demo.ports.partner_url)
    visitor.context.route(address, serve)
    visitor.page.goto(address, wait_until=until)
