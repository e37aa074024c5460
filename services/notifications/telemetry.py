"""What the notifications service shows of itself: its metrics, its spans and its fail points.

The reference is generated from these declarations. Labels are bounded and never contain personal data.
"""

from prometheus_client import Counter, Gauge, Histogram

from shared.runtime.failpoints import Point
from shared.runtime.metrics import HANDOVER_BUCKETS
from shared.runtime.tracing import SpanType

mails_total = Counter(
    "troika_mails_total",
    "Mails by kind and outcome: sent, deferred, failed, unknown, cancelled, suppressed, missed (its time passed).",
    ["kind", "outcome"],
)
mail_unknown_resolved_total = Counter(
    "troika_mail_unknown_resolved_total",
    "Mails whose handover was unknown, by resolution: found (its sender returned with the outcome), resent, left "
    "(unknown twice: the person may not have it), given_up (outdated, or of a kind that needs no second copy).",
    ["resolution"],
)
mails_sent_again_total = Counter(
    "troika_mails_sent_again_total",
    "Mails that had failed, were missed or left unknown and were sent again by a coordinator, by kind.",
    ["kind"],
)
people_not_notified = Gauge(
    "troika_people_not_notified",
    "People with a mail that failed, was missed or was left unknown in the last 3 days and that could be sent again.",
    multiprocess_mode="mostrecent",
)
mail_handover_seconds = Histogram(
    "troika_mail_handover_seconds",
    "Time from the cause (a registration accepted) to the mail's handover, seconds.",
    ["kind"],
    buckets=HANDOVER_BUCKETS,
)
mails_due = Gauge(
    "troika_mails_due",
    "Mails that are due and not sent.",
    ["lane"],
    multiprocess_mode="mostrecent",
)
mail_oldest_pending_age_seconds = Gauge(
    "troika_mail_oldest_pending_age_seconds",
    "Age of the oldest mail that is due and not sent, seconds; 0 if none.",
    ["lane"],
    multiprocess_mode="mostrecent",
)
smtp_phase_seconds = Histogram(
    "troika_smtp_phase_seconds",
    "Duration of one phase of an SMTP dialogue, seconds.",
    ["phase"],
    buckets=(0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0, 120.0),
)
webhook_deliveries_total = Counter(
    "troika_webhook_deliveries_total",
    "Webhook calls, by outcome: delivered, retried, given_up.",
    ["outcome"],
)
webhook_oldest_due_age_seconds = Gauge(
    "troika_webhook_oldest_due_age_seconds",
    "Age of the oldest due webhook call, seconds; 0 if there is none.",
    multiprocess_mode="mostrecent",
)
webhooks_dead = Gauge(
    "troika_webhooks_dead",
    "Webhooks that are switched off: the receiver asked for it, or no call has succeeded for five days.",
    multiprocess_mode="mostrecent",
)
SEND_MAIL = SpanType(
    "sent mail",
    "client",
    {"troika.mail.kind": "kind of the mail", "troika.outcome": "outcome"},
    "each mail that a sender hands over, from the first SMTP command",
)
CALL_WEBHOOK = SpanType(
    "webhook",
    "client",
    {"troika.webhook.type": "type of the webhook", "http.response.status_code": "the receiver's answer, if any"},
    "each webhook call",
)
SPAN_TYPES = (
    SEND_MAIL,
    CALL_WEBHOOK,
)

FAIL_POINTS = {
    "send.claimed": Point("mails are claimed and committed", ("send",)),
    "smtp.connect": Point("before the connection to the mail relay", ("send",)),
    "smtp.ehlo": Point("connected and greeted, before EHLO", ("send",)),
    "smtp.rset": Point("before RSET, which begins a further mail", ("send",)),
    "smtp.mail": Point("before MAIL", ("send",)),
    "smtp.rcpt": Point("before RCPT", ("send",)),
    "send.begun": Point("it is committed that the mail is being handed over, before DATA", ("send",)),
    "smtp.data": Point("before DATA", ("send",)),
    "smtp.content": Point("the content is sent, the final dot is not", ("send",)),
    "smtp.dot": Point("the final dot is sent, its answer is not read", ("send",)),
    "send.handed-over": Point("the relay has the mail, the outcome is not stored", ("send",)),
    "send.settled": Point("the outcome of the mails is committed", ("send",)),
    "smtp.quit": Point("before QUIT", ("send",)),
    "schedule.decided": Point("the effects of an event's changes are stored, nothing is committed", ("schedule",)),
    "schedule.chunk": Point("mails to some people are stored, nothing is committed", ("schedule",)),
    "schedule.announced": Point("they are committed", ("schedule",)),
    "schedule.reminders": Point("reminders to some people are stored, nothing is committed", ("schedule",)),
}
"""Places at which a test may make one of its processes die, fail or hang."""
