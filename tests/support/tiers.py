"""What `make test` leaves out and `make test-all` runs: what takes long for what it finds, each with the reason.

`make test` runs while people work, so it is to find a mistake in the code in about half of the time. A test stays in it
if no other finds the mistakes that changes of the product usually make. What repeats a test on another bus, in another
size, theme or language, breaks servers, fuzzes at length, or tests deployments, operators' tools and the tests
themselves finds little more in most changes; it runs before a change is merged. A test that is named on the command
line runs in any case. `python -m tests.times JUNIT.xml` prints what is left of a run.
"""

from zlib import crc32

import pytest

AT_LENGTH = {
    "a whole story, each step of which has tests of its own; one such story stays, tests/scenario/test_story.py": (
        "tests/browser/test_delegation_in_arabic.py",
        "tests/browser/test_first_event.py::test_first_event_is_set_up_in_the_console_alone",
        "tests/browser/test_people_jobs.py",
        "tests/browser/test_setting_up_jobs.py",
        "tests/browser/test_working_day.py",
        "tests/integration/system/test_erased_proposer.py",
        "tests/scenario/test_every_mail.py",
    ),
    "breaks or freezes a server or kills processes, and waits until all is well": (
        "tests/chaos/points/",
        "tests/chaos/volume/",
        "tests/contract/test_bus_deaths.py",
        "tests/integration/notifications/test_processes.py::test_sender_killed_in_the_handover_leaves_an_unknown_that_is_resent_once",
        "tests/integration/registration/test_overload.py",
        "tests/integration/system/test_failover.py",
        "tests/integration/test_broker_cut.py",
        "tests/integration/test_embedded_server.py",
        "tests/integration/test_pika_publisher.py",
        "tests/integration/test_silent_database.py",
    ),
    "a cell for each link and fault; each fault has a test of its own too": ("tests/chaos/matrix/",),
    "raises a real alert, and waits until it rises and goes; each rule has a unit test": (
        "tests/integration/system/test_production.py::test_alerts_rise_with_their_fault_and_go_with_it",
        "tests/integration/system/test_production.py::test_difference_in_the_databases_raises_its_alert",
        "tests/integration/system/test_production.py::test_everyone_who_was_accepted_has_had_one_mail",
        "tests/integration/system/test_production.py::test_people_who_were_not_notified_raise_their_alert",
        "tests/integration/system/test_production.py::test_refusals_raise_their_alert",
    ),
    "fuzzes, or draws histories by chance": (
        "tests/contract/test_bus_serialised.py::test_message_declared_as_another_format_is_parked_and_not_run",
        "tests/contract/test_openapi.py",
        "tests/integration/registration/test_kept_counts.py::test_kept_counts_are_those_of_the_registrations",
        "tests/integration/routes/test_failures.py::test_nonsense_is_refused_without_a_word_of_what_reads_it",
        "tests/integration/events/test_nul.py",
        "tests/integration/model/test_model.py",
        "tests/integration/routes/test_bodies.py::test_missing_body_is_refused_where_the_document_requires_one",
        "tests/integration/routes/test_security_events.py::test_end_of_a_line_in_any_field_makes_no_line",
        "tests/integration/smuggling/",
    ),
    "measures, or proves that nothing is better": (
        "tests/browser/test_layout_shift.py",
        "tests/integration/operations/test_audit_crowd.py",
        "tests/integration/routes/test_costs.py",
        "tests/unit/events/test_solver.py::test_complete_timetable_is_found_where_no_place_is_left_over",
        "tests/unit/events/test_solver.py::test_new_proposal_moves_as_few_published_side_events_as_can_be",
    ),
    "a browser or a page of others that is old or hostile": (
        "tests/browser/test_hostile_hosts.py",
        "tests/browser/test_old_browsers.py",
    ),
    "tests a tool of operators; that the audit holds in data of real use cases stays": (
        "tests/architecture/test_security.py::test_command_runs_the_tests_and_counts_those_that_fail",
        "tests/architecture/test_security.py::test_command_shows_what_passed",
        "tests/integration/operations/test_audit_equations.py::test_corruption_is_found_or_its_limit_documented",
        "tests/integration/operations/test_audit_equations.py::test_what_is_broken_is_found_by_its_equation_alone",
        "tests/integration/operations/test_audit_outcomes.py",
        "tests/integration/operations/test_audit_program.py",
        "tests/integration/operations/test_canary.py",
        "tests/integration/operations/test_drill_folder.py",
        "tests/integration/operations/test_recover.py",
        "tests/integration/operations/test_restore_refused.py",
        "tests/integration/operations/test_supervisor.py",
        "tests/integration/test_parked_commands.py",
        "tests/integration/test_prepared_keys.py",
        "tests/integration/test_quarantine_workers.py",
        "tests/integration/test_recovery_commands.py",
    ),
    "tests a deployment: the image, the chart, another gateway, the rights at the broker, the rules of Prometheus": (
        "tests/architecture/test_alerts.py::test_unit_tests_of_rules_pass",
        "tests/contract/test_permissions.py",
        "tests/integration/system/test_caddy.py",
        "tests/unit/deploy/test_chart.py",
        "tests/unit/deploy/test_image.py",
    ),
    "runs what documents show, or builds their site": (
        "tests/architecture/test_docs_site.py",
        "tests/browser/test_first_event.py::test_tutorial_describes_the_same_steps",
        "tests/integration/test_guides.py",
    ),
    "tests the tests: their tools, and that checks can fail": (
        "tests/chaos/controls/",
        "tests/integration/model/test_controls.py",
        "tests/integration/registration/test_race.py::test_seats_are_kept_by_their_lock",
        "tests/integration/test_completeness.py",
        "tests/integration/test_fault_proxy.py",
        "tests/integration/test_forking.py",
        "tests/integration/test_freezing.py",
        "tests/integration/test_references.py",
        "tests/integration/test_scripted_sink.py",
        "tests/integration/test_support.py",
        "tests/unit/support/",
    ),
}
"""Reasons, each with folders, files and tests."""

VARIANTS = {
    "tests/browser/test_every_page.py": ("-320-dark]",),
    "tests/browser/test_intake_pages.py": ("-ar-1]",),
    "tests/chaos/": ("[rabbitmq", "-rabbitmq"),
    "tests/contract/": ("[rabbitmq-with-limits",),
    "tests/contract/test_bus_parked.py": ("[rabbitmq",),
    "tests/scenario/": ("[rabbitmq",),
}
"""Parameters that repeat a test on another bus, in another size and theme, or in another language, by folder or file:
what differs between the two buses is in ``test_bus_scenarios.py``, which runs on both."""


SAMPLED = (
    "tests/browser/test_every_page.py::test_page_has_no_accessibility_fault",
    "tests/browser/test_intake_pages.py::test_page_is_accessible_and_fits_a_phone",
    "tests/unit/events/test_solver.py::test_generated_instance_breaks_no_hard_rule",
)
"""Tests with a hundred cases of one kind or more (states of pages, timetables): `make test` has every fourth."""

SAMPLE = 4


def is_at_length(nodeid: str) -> bool:
    """Whether only `make test-all` runs a test."""
    if any(nodeid.startswith(starts) for starts in AT_LENGTH.values()):
        return True
    if nodeid.startswith(SAMPLED) and crc32(nodeid.encode()) % SAMPLE:  # the same cases in each run
        return True
    return any(part in nodeid for start, parts in VARIANTS.items() if nodeid.startswith(start) for part in parts)


def leave_out(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Take what only `make test-all` runs out of a list of tests."""
    left_out = [item for item in items if is_at_length(item.nodeid)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if not is_at_length(item.nodeid)]
