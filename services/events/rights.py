"""Rights in the database of events, table by table.

A new table gets its rights here. A process that is not named cannot even read. Only the migrator empties, changes or
drops a table.

``public`` serves the programme and changes nothing; ``desk`` serves the console and the API with a key.
"""

from shared.db.roles import Rights, united

PUBLIC, DESK, WEB = "public", "desk", "web"

UNITED = {WEB: (PUBLIC, DESK), "work": ("relay", "consume", "solve")}
"""Processes that unite others, for small installations: ``work`` is all background roles."""

_SEPARATE: Rights = {
    # read by the audit alone, or by functions of the owner
    "content_key": {},
    "content_difference": {},
    "content_count": {},
    "count_difference": {},
    "alembic_version": {PUBLIC: "select", DESK: "select", "relay": "select", "consume": "select", "solve": "select"},
    "quarantine": {
        PUBLIC: "select",
        DESK: "select",
        "relay": "select",
        "consume": "select",
        "solve": "select",
        "operator": "select",
    },
    "highest_time": {
        "relay": "select update",
        "consume": "select update",
        "solve": "select update",
        "operator": "select update",
    },
    # locks: those of two numbers for the check of keys, those of one for all else
    "pg_advisory_xact_lock(integer,integer)": {DESK: "execute", "consume": "execute", "operator": "execute"},
    "pg_advisory_xact_lock(bigint)": {DESK: "execute", "consume": "execute", "operator": "execute"},
    "series": {PUBLIC: "select", DESK: "select insert update delete", "operator": "select insert update"},
    "working_group": {PUBLIC: "select", DESK: "select insert update delete", "operator": "select insert update"},
    "event": {
        DESK: "select insert update",
        "relay": "select",
        "consume": "select",
        "solve": "select",
        "operator": "select insert update",
    },
    "public_event": {
        PUBLIC: "select",
        DESK: "select",
        "consume": "select",
        "solve": "select",
        "operator": "select",
    },
    "form_copy": {PUBLIC: "select", DESK: "select", "consume": "select insert update"},
    "partner_copy": {PUBLIC: "select(slug,name)", DESK: "select", "consume": "select insert update"},
    "consultation": {DESK: "select insert update delete", "operator": "select insert update"},
    "group_note": {DESK: "select insert update delete", "operator": "select insert update"},
    "roster": {
        DESK: "select",
        "relay": "select delete",
        "consume": "select insert update",
        "operator": "select",
    },
    "event_count": {
        DESK: "select",
        "consume": "select insert update",
        "solve": "select",
        "operator": "select",
    },
    "mail_contact": {
        DESK: "select",
        "relay": "select delete",
        "consume": "select insert",
        "operator": "select",
    },
    "group_contact": {
        DESK: "select insert delete",
        "consume": "select insert update delete",
        "operator": "select insert delete",
    },
    "outbox": {
        DESK: "select insert",
        "relay": "select update delete",
        "consume": "select insert update",
        "operator": "select insert update",
    },
    "inbox": {"relay": "select update delete", "consume": "select insert delete", "operator": "select update delete"},
    "halted_queue": {
        "consume": "select insert update delete",
        "operator": "select update(parking_reason,parking_left,try_at) delete",
    },
    "resource": {DESK: "select insert update delete", "operator": "select insert update"},
    "public_resource": {PUBLIC: "select", DESK: "select", "operator": "select"},
    "hotel_block": {DESK: "select insert update delete", "operator": "select insert update"},
    "tally": {DESK: "select insert update", "consume": "select insert update", "operator": "select insert update"},
    "person_contact": {DESK: "select", "consume": "select insert update delete"},
    "room": {
        PUBLIC: "select",
        DESK: "select insert update delete",
        "solve": "select",
        "operator": "select insert update",
    },
    "room_hours": {
        PUBLIC: "select",
        DESK: "select insert delete",
        "solve": "select",
        "operator": "select insert delete",
    },
    "slot": {
        PUBLIC: "select",
        DESK: "select insert delete",
        "solve": "select",
        "operator": "select insert update delete",
    },
    "proposal": {
        PUBLIC: "select(event_id,public_names)",
        DESK: "select update",
        "relay": "select update(speaker_names,suggested_names)",
        "consume": "select insert update",
        "solve": "select",
        "operator": "select update",
    },
    "proposal_change": {DESK: "select insert", "relay": "select", "consume": "select insert update"},
    "board": {
        DESK: "select update",
        "consume": "select update",
        "solve": "select update",
        "operator": "select update",
    },
    "placement": {
        DESK: "select insert update delete",
        "consume": "select delete",
        "solve": "select insert update delete",
        "operator": "select",
    },
    "schedule_version": {PUBLIC: "select", DESK: "select insert", "solve": "select"},
    "version_placement": {PUBLIC: "select", DESK: "select insert", "solve": "select"},
    "solve_job": {DESK: "select insert", "solve": "select update"},
    "event_note": {DESK: "select insert"},
    "event_change": {DESK: "select insert", "operator": "insert"},
    "event_notice": {
        DESK: "select insert update",
        "consume": "select update(sent)",
        "operator": "select insert update",
    },
    "begun_session": {DESK: "select", "relay": "select delete", "consume": "insert"},
    "ended_session": {DESK: "select insert", "relay": "select delete", "consume": "insert"},
    "waiting_approval": {DESK: "select", "relay": "select delete", "consume": "select insert update"},
    "access_holder": {DESK: "select", "relay": "select delete", "consume": "select insert update"},
    "key_check": {
        DESK: "select insert",
        "consume": "select insert",
        "operator": "select insert update delete",
    },
    "audit_record": {DESK: "insert", "relay": "select delete", "operator": "insert"},
    "own_audit_log": {DESK: "select"},
}
"""Verbs by table and process."""

RIGHTS: Rights = united(_SEPARATE, UNITED)
"""Verbs by table and process."""
