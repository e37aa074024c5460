"""Rights in the database of notifications, table by table; a new table gets its rights here.

A process that is not named may not even read. Only the migrator empties, changes or drops a table.

``public`` serves the links in bulletins, reads no person, and can only store that a link was used. ``desk`` serves the
console and the API with a key.
"""

from shared.db.roles import Rights, united

PUBLIC, DESK, WEB = "public", "desk", "web"

UNITED = {WEB: (PUBLIC, DESK), "work": ("relay", "consume", "send", "schedule", "deliver")}
"""Processes that unite others, for small installations: ``work`` is all background roles."""

_SEPARATE: Rights = {
    # read by the audit alone, or by functions of the owner
    "content_key": {},
    "content_difference": {},
    "content_count": {},
    "alembic_version": {
        PUBLIC: "select",
        DESK: "select",
        "relay": "select",
        "consume": "select",
        "send": "select",
        "schedule": "select",
        "deliver": "select",
    },
    "quarantine": {
        PUBLIC: "select",
        DESK: "select",
        "relay": "select",
        "consume": "select",
        "send": "select",
        "schedule": "select",
        "deliver": "select",
        "operator": "select",
    },
    "highest_time": {
        "relay": "select update",
        "consume": "select update",
        "send": "select update",
        "schedule": "select update",
        "deliver": "select update",
        "operator": "select update",
    },
    # locks: those of two numbers for the check of keys, which public processes need too; those of one for all else
    "pg_advisory_xact_lock(integer,integer)": dict.fromkeys(
        (PUBLIC, DESK, "consume", "send", "deliver", "operator"), "execute"
    ),
    "pg_advisory_xact_lock(bigint)": dict.fromkeys((DESK, "consume", "schedule", "operator"), "execute"),
    "event_copy": {
        DESK: "select",
        "consume": "select insert update",
        "send": "select",
        "schedule": "select update",
        "operator": "select",
    },
    "recipient_tags": {
        DESK: "select",
        "consume": "select insert update delete",
        "send": "select",
        "schedule": "select",
        "operator": "select",
    },
    "recipient": {
        DESK: "select insert",
        "relay": "select delete",
        "consume": "select insert update",
        "send": "select update delete",
        "schedule": "select update",
        "operator": "select update",
    },
    "mail": {
        DESK: "select insert update",
        "relay": "select delete",
        "consume": "select insert update",
        "send": "select update",
        "schedule": "select insert update",
        "operator": "select update",
    },
    "mail_attempt": {
        DESK: "select update",
        "consume": "select update",
        "send": "select insert update",
        "schedule": "select update",
    },
    "outbox": {
        DESK: "insert",
        "relay": "select update delete",
        "send": "insert",
        "schedule": "insert",
        "deliver": "insert",
        "operator": "select insert update",
    },
    "inbox": {"relay": "select update delete", "consume": "select insert delete", "operator": "select update delete"},
    "halted_queue": {
        "consume": "select insert update delete",
        "operator": "select update(parking_reason,parking_left,try_at) delete",
    },
    "working_group_copy": {DESK: "select", "consume": "select insert update", "send": "select"},
    "resource_copy": {"consume": "select insert update", "send": "select"},
    "partner_copy": {DESK: "select", "consume": "select insert update"},
    "form_copy": {DESK: "select", "consume": "select insert update", "send": "select"},
    "event_news": {"consume": "select insert update", "schedule": "select delete"},
    "announcement": {
        DESK: "select insert update",
        "consume": "select insert",
        "send": "select",
        "schedule": "select insert update",
        "operator": "select",
    },
    "bulletin": {
        DESK: "select insert update delete",
        "consume": "select",
        "send": "select",
        "schedule": "select update",
        "operator": "select",
    },
    "bulletin_recipient": {
        DESK: "select insert delete",
        "consume": "select delete",
        "schedule": "select insert delete",
    },
    "bulletin_tester": {DESK: "select insert update", "relay": "select delete", "operator": "select update"},
    "suppression": {
        DESK: "select insert delete",
        "consume": "select insert",
        "send": "select insert",
        "schedule": "select",
        "operator": "select",
    },
    "unsubscribe_request": {"send": "select delete"},
    "former_links": {PUBLIC: "select"},
    "request_unsubscribing(text,timestamp with time zone)": {PUBLIC: "execute"},
    "webhook": {
        DESK: "select insert update delete",
        "consume": "select",
        "deliver": "select update",
    },
    "webhook_delivery": {
        DESK: "select update",
        "relay": "select delete",
        "consume": "select insert delete",
        "deliver": "select update",
    },
    "begun_session": {DESK: "select", "relay": "select delete", "consume": "insert"},
    "ended_session": {DESK: "select insert", "relay": "select delete", "consume": "insert"},
    "access_holder": {
        DESK: "select",
        "relay": "select delete",
        "consume": "select insert update",
        "schedule": "select(name,roles,forms,until,revoked)",
    },
    "key_check": {
        PUBLIC: "select insert",
        DESK: "select insert",
        "consume": "select insert",
        "send": "select insert",
        "deliver": "select insert",
        "operator": "select insert update delete",
    },
    "audit_record": {
        DESK: "insert",
        "relay": "select delete",
        "deliver": "insert",
        "schedule": "insert",
        "operator": "insert",
    },
    "own_audit_log": {DESK: "select"},
}
"""Verbs by table and process."""

RIGHTS: Rights = united(_SEPARATE, UNITED)
"""Verbs by table and process."""
