"""Ways to break what is published, consumed and parked."""

from tests.integration.operations.breaking import Break, in_bus, in_events, in_notifications, in_registration

_ONE_MORE = """
    INSERT INTO outbox (message_id, type, subject, body, stored_at, published_at)
    SELECT uuidv7(), type, subject, body, stored_at, now() + interval '1 hour' FROM outbox WHERE type = '{type}' LIMIT 1
"""
_ON_BUS = """
    INSERT INTO bus_message (queue, body, properties, headers, stored_at, visible_at)
    VALUES ('{queue}', '', jsonb_build_object('message_id', uuidv7()), '{headers}', now() - interval '{age}', now()
        - interval '{age}')
"""
BREAKS: tuple[Break, ...] = (
    in_events(
        "A6",
        "erasure not consumed by rosters",
        "an erased person is erased from the rosters",
        "UPDATE roster SET erased_at = NULL, person_ref = sha256('a') WHERE erased_at IS NOT NULL",
    ),
    in_notifications(
        "A6",
        "erasure not consumed by the recipients",
        "an erased person is erased from the recipients",
        "UPDATE recipient SET erased_at = NULL, person_ref = repeat('ab', 32), language = 'en', "
        "closed = decode(repeat('00', 40), 'hex') WHERE erased_at IS NOT NULL",
    ),
    in_registration(
        "A5",
        "revision missing",
        "a registration's history has every revision and ends with its state",
        "DELETE FROM registration_change WHERE revision = 1 AND registration_id = (SELECT id FROM registration "
        "WHERE form = 'upr-webinar-10' AND status = 'cancelled' AND position IS NULL ORDER BY id LIMIT 1)",
    ),
    in_registration(
        "A5",
        "change published as another",
        "each change of a registration is one message",
        "UPDATE outbox SET type = 'org.troika.registration.confirmed.v1' "
        "WHERE type = 'org.troika.registration.promoted.v1'",
    ),
    in_registration(
        "A5",
        "change published twice",
        "each change of a registration is one message",
        _ONE_MORE.format(type="org.troika.registration.cancelled.v1"),
    ),
    in_notifications(
        "A5",
        "handover published twice",
        "each mail that was sent, bounced or suppressed is one message",
        _ONE_MORE.format(type="org.troika.mail.sent.v1"),
    ),
    in_registration(
        "A5",
        "change of a proposal published twice",
        "each change of a proposal is one message to events",
        _ONE_MORE.format(type="org.troika.proposal.changed.v1"),
    ),
    in_registration(
        "A5",
        "withdrawal of a proposal published as a change",
        "each change of a proposal is one message to events",
        "UPDATE outbox SET type = 'org.troika.proposal.changed.v1' WHERE type = 'org.troika.proposal.withdrawn.v1'",
    ),
    in_events(
        "A5",
        "proposal without history",
        "a proposal's history has every revision and ends with its state",
        "DELETE FROM proposal_change WHERE revision = 1 AND proposal_id = (SELECT id FROM proposal "
        "WHERE erased_at IS NULL AND status = 'declined' LIMIT 1)",
    ),
    in_events(
        "A5",
        "decision published twice",
        "each decision on a proposal is one message",
        _ONE_MORE.format(type="org.troika.proposal.declined.v1"),
    ),
    in_events(
        "A6",
        "coordinators see an older proposal",
        "coordinators see each proposal as its registration is",
        "UPDATE proposal SET answers_revision = answers_revision + 1 WHERE status = 'submitted'",
    ),
    in_events(
        "A6",
        "proposal not withdrawn",
        "coordinators see each proposal as its registration is",
        "UPDATE proposal SET status = 'submitted' WHERE status = 'withdrawn' AND erased_at IS NULL",
        "UPDATE proposal_change SET status = 'submitted' WHERE status = 'withdrawn' AND proposal_id IN "
        "(SELECT id FROM proposal WHERE erased_at IS NULL)",
    ),
    in_events(
        "A6",
        "erasure not consumed by the proposals",
        "an erased person is erased from the proposals",
        "DELETE FROM proposal WHERE erased_at IS NOT NULL",
    ),
    in_registration(
        "A6",
        "decision not consumed by the own page",
        "proposers see each decision",
        "UPDATE proposal_state SET status = 'accepted'",
    ),
    in_notifications(
        "A6",
        "decision not consumed by mail",
        "mails are written from each decision",
        "UPDATE recipient SET decision = decision + 1 WHERE decision > 0",
    ),
    in_notifications(
        "A6",
        "message lost before mail",
        "each published message was consumed by each of its consumers, waits or is parked; no other was consumed",
        "DELETE FROM inbox WHERE ctid = (SELECT ctid FROM inbox WHERE consumer = 'notifications.mail' LIMIT 1)",
    ),
    in_events(
        "A6",
        "message lost before the coordinators",
        "each published message was consumed by each of its consumers, waits or is parked; no other was consumed",
        "DELETE FROM inbox WHERE ctid = (SELECT ctid FROM inbox WHERE consumer = 'events.contact' LIMIT 1)",
    ),
    in_registration(
        "A6",
        "event lost before the forms",
        "each published message was consumed by each of its consumers, waits or is parked; no other was consumed",
        "DELETE FROM inbox WHERE consumer = 'registration.copies'",
    ),
    in_registration(
        "A6",
        "never published",
        "no message waits for long to be published",
        "UPDATE outbox SET published_at = NULL WHERE id = (SELECT min(id) FROM outbox)",
    ),
    in_events(
        "A6",
        "message from nowhere",
        "each published message was consumed by each of its consumers, waits or is parked; no other was consumed",
        "INSERT INTO inbox (consumer, message_id, received_at) "
        "VALUES ('events.rollup', uuidv7(), now() - interval '1 second')",
    ),
    in_events(
        "A6",
        "coordinators see another state",
        "coordinators see the current state of each registration",
        "UPDATE roster SET revision = revision + 1",
    ),
    in_notifications(
        "A6",
        "mails know another state",
        "mails are written from the current state of each registration",
        "UPDATE recipient SET revision = revision + 1 WHERE about = 'registration'",
    ),
    in_events(
        "A6",
        "contact not noted",
        "coordinators see each sent mail about a registration",
        "DELETE FROM mail_contact WHERE mail_id = (SELECT mail_id FROM mail_contact LIMIT 1)",
    ),
    in_bus(
        "A6",
        "message waits for ever",
        "no message waits for long to be consumed",
        _ON_BUS.format(queue="events.rollup", headers="{}", age="1 hour"),
    ),
    in_bus(
        "A9",
        "parked without a reason",
        "each has a reason, and none is old",
        _ON_BUS.format(queue="events.rollup.parked", headers="{}", age="1 hour"),
    ),
    in_bus(
        "A9",
        "parked for long",
        "each has a reason, and none is old",
        _ON_BUS.format(queue="events.rollup.parked", headers='{"x-troika-reason": "broken"}', age="73 hours"),
    ),
)
