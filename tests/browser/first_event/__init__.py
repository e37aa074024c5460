"""From an empty installation to the first registrations, in the console alone, step by step as the tutorial describes
it.

``python -m tests.browser.first_event docs/screenshots/first-event`` takes the screenshots of the tutorial from a demo
that ``make demo EMPTY=1`` has just started (``TROIKA_DEMO_PORT`` and ``TROIKA_DEMO_FOLDER`` as for that). The test
takes the same steps without screenshots.
"""
