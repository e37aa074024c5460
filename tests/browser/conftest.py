"""The whole installation, started once for all tests of this folder, and visitors with browsers."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from deploy.local.screenshot_pages.participants import register_some
from tests.browser.demo_process import Demo, end_demo, register_at_once, sign_in, start_demo
from tests.browser.visitor import Visit, visit
from tests.support.browser import chromium
from tests.support.processes import ProcessGroup
from tests.support.run_folder import RunFolder

NewVisitor = Callable[..., Visit]


@pytest.fixture(scope="package")
def demo(run_folder: RunFolder) -> Iterator[Demo]:
    """Everything that `make demo` starts, with a few participants in it; nothing of it is left afterwards."""
    processes = ProcessGroup(run_folder)
    try:
        running = start_demo(run_folder, processes)
        register_some(running.places)
        register_at_once(running.places)
        yield running
        end_demo(running, processes)
    finally:
        processes.end()


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Once for all modules of this folder: each start takes half a second of CPU."""
    with chromium() as running:
        yield running


@pytest.fixture
def new_visitor(browser: Browser) -> Iterator[NewVisitor]:
    """Makes visitors; their windows are closed after the test."""
    with ExitStack() as stack:

        def make(**options: Any) -> Visit:
            return stack.enter_context(visit(browser, **options))

        yield make


@pytest.fixture
def visitor(new_visitor: NewVisitor) -> Visit:
    """One visitor at a desk."""
    return new_visitor(viewport={"width": 1280, "height": 800})


@pytest.fixture(scope="module")
def desk(demo: Demo, browser: Browser) -> Iterator[Page]:
    """A coordinator's window, signed in once for all tests of a module."""
    with visit(browser, viewport={"width": 1280, "height": 800}) as visitor:
        sign_in(visitor.page, demo, "/console/overview")
        yield visitor.page
