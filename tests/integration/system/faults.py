"""What can fail in production, and exactly which alerts each fault raises and clears."""

from collections.abc import Callable
from dataclasses import dataclass

from deploy.shape import SERVICES
from tests.support.production import Alert, Production
from tests.support.waiting import poll_until

WORK_QUEUES_OF_EVENTS = ("events.contact", "events.copies", "events.proposals", "events.rollup")


@dataclass(frozen=True, slots=True)
class Fault:
    """Attributes:
    held: processes that are stopped.
    raises: exactly the alerts that must fire.
    may: names of alerts that may fire as well, since what they watch is down for the same reason.
    """

    held: tuple[str, ...]
    raises: frozenset[Alert]
    may: frozenset[str] = frozenset()


def _raises(*alerts: Alert) -> frozenset[Alert]:
    return frozenset(alerts)


MAIL_RELAY_IS_HELD = frozenset({"TroikaMailPending", "TroikaCanaryMissing"})

RELAY_AND_CONSUMER = Fault(
    ("events-relay", "events-consume"),
    _raises(
        ("TroikaProcessDown", "events-relay"),
        ("TroikaProcessDown", "events-consume"),
        *(("TroikaQueueWithoutConsumer", queue) for queue in WORK_QUEUES_OF_EVENTS),
    ),
    MAIL_RELAY_IS_HELD,
)
BROKER = Fault(
    ("rabbitmq",),
    _raises(
        ("TroikaBrokerDown", ""),
        ("TroikaOutboxStalled", "registration"),
        *(("TroikaBrokerUnreachable", service) for service in SERVICES),
    ),
    frozenset({"TroikaConsumerStuck", "TroikaQueueWithoutConsumer"}) | MAIL_RELAY_IS_HELD,
)
DATABASE_AND_SENDER = Fault(
    ("postgres", "notifications-send"),
    _raises(
        ("TroikaIntakeErrors", "registration"),
        ("TroikaDatabaseErrors", "registration"),
        ("TroikaProcessDown", "notifications-send"),
    ),
    frozenset(
        {
            "TroikaDatabaseErrors",
            "TroikaDatabasePoolFull",
            "TroikaQueueWithoutConsumer",
            "TroikaIntakeSlow",
            "TroikaConsumerStuck",
            "TroikaAuditMissing",
        }
    )
    | MAIL_RELAY_IS_HELD,
)


def suffer(production: Production, fault: Fault) -> None:
    """Hold, see exactly its alerts rise, release, see them go."""
    production.hold(*fault.held)
    await_alerts(lambda: fault.raises <= production.firing(), production, f"the alerts of {fault.held}")
    others = production.firing() - fault.raises
    production.release(*fault.held)
    assert {name for name, _about in others} <= fault.may
    await_alerts(lambda: not fault.raises & production.firing(), production, f"the end of the alerts of {fault.held}")


def await_no_alerts(production: Production) -> None:
    """Until no alert fires."""
    await_alerts(lambda: production.firing() == set(), production, "no alerts")


def await_alerts(condition: Callable[[], bool], production: Production, what: str) -> None:
    """Wait until alerts are as the condition wants them; the error names those that fire, and unsent mails."""
    try:
        poll_until(condition, 60, every_s=0.5)
    except AssertionError:
        firing, mails = sorted(production.firing()), production.unsent_mails()
        raise AssertionError(f"not within 60 s: {what}; firing: {firing}; mails: {mails}") from None
