"""Every fail point: those of ``shared``, and those that a service declares."""

from dataclasses import replace

from services.events import telemetry as events
from services.notifications import telemetry as notifications
from services.registration import telemetry as registration
from shared.runtime import failpoints

ROLES = ("web", "decide", "relay", "consume", "tend", "send", "schedule", "solve")
"""Every kind of process that has points."""

POINTS = {
    name: replace(point, roles=ROLES) if point.roles == failpoints.EVERY_PROCESS else point
    for points in (failpoints.POINTS, registration.FAIL_POINTS, notifications.FAIL_POINTS, events.FAIL_POINTS)
    for name, point in points.items()
}
