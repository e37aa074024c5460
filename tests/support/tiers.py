"""What `make test` leaves out and `make test-all` runs: what takes long for what it finds, each with the reason.

`make test` runs while people work, so it is to find a mistake in the code in a few minutes. What repeats a test on
another bus, tests the tools of the tests, fuzzes at length or takes pictures finds little more in most changes; it runs
before a change is merged. A test that is named on the command line runs in any case.
"""

import pytest

AT_LENGTH = {
    "tests/architecture/test_docs_site.py": "builds the site of the documentation",
    "tests/chaos/controls/": "shows that the checks of the fault tests can fail",
    "tests/chaos/matrix/": "a cell for each link and fault; each fault has a test of its own too",
    "tests/chaos/volume/": "a storm of people on each bus",
    "tests/contract/test_openapi.py": "fuzzes each operation",
    "tests/integration/model/test_controls.py": "shows that the model finds planted faults",
    "tests/integration/smuggling/": "fuzzes how requests are read",
    "tests/integration/test_completeness.py": "tests a tool of the tests",
    "tests/integration/test_fault_proxy.py": "tests a tool of the tests",
    "tests/integration/test_forking.py": "tests a tool of the tests",
    "tests/integration/test_freezing.py": "tests a tool of the tests",
    "tests/integration/test_scripted_sink.py": "tests a tool of the tests",
    "tests/integration/test_support.py": "tests a tool of the tests",
    "tests/unit/support/": "tests the tools of the tests",
}
"""Folders and files, each with the reason."""

VARIANTS = {
    "tests/contract/": ("[rabbitmq-with-limits",),
    "tests/scenario/": ("[rabbitmq",),
    "tests/chaos/": ("[rabbitmq", "-rabbitmq"),
}
"""Parameters that repeat a test on another bus, by folder."""


def is_at_length(nodeid: str) -> bool:
    """Whether only `make test-all` runs a test."""
    if any(nodeid.startswith(start) for start in AT_LENGTH):
        return True
    return any(part in nodeid for folder, parts in VARIANTS.items() if nodeid.startswith(folder) for part in parts)


def leave_out(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Take what only `make test-all` runs out of a list of tests."""
    left_out = [item for item in items if is_at_length(item.nodeid)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if not is_at_length(item.nodeid)]
