"""A test run that left out a test fails, and so does one that ran none."""

import pytest


class Completeness:
    """Pytest plugin: the run fails when a test was skipped or when none ran."""

    def __init__(self) -> None:
        self._skipped: list[str] = []
        self._ran = 0

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count what ran; an expected failure (``xfail``) ran."""
        if report.skipped and not hasattr(report, "wasxfail"):
            self._skipped.append(report.nodeid)
        elif report.when == "call":
            self._ran += 1

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A module skipped as a whole counts too."""
        if report.skipped:
            self._skipped.append(report.nodeid)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Make the run fail if something is missing."""
        if exitstatus == pytest.ExitCode.OK and self.problem() and not session.config.option.collectonly:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the reason."""
        if (problem := self.problem()) and not terminalreporter.config.option.collectonly:
            terminalreporter.write_line(f"INCOMPLETE: {problem}", red=True)

    def problem(self) -> str:
        """What is missing, as a sentence; empty when everything ran."""
        if self._skipped:
            return f"nothing may be skipped, but was: {', '.join(self._skipped)}"
        return "" if self._ran else "no test ran"
