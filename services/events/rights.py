"""Rights in the database of events, table by table.

A new table gets its rights here. A process that is not named cannot even read. Only the migrator empties, changes or
drops a table.
"""

from shared.db.roles import Rights, united

UNITED = {"work": ("relay", "consume", "solve")}
"""``work`` is all background roles in one process, for small installations."""

_SEPARATE: Rights = {
    # read by the audit alone, or by functions of the owner
    "content_key": {},
    "content_difference": {},
    "content_count": {},
    "count_difference": {},
    "alembic_version": {"web": "select", "relay": "select", "consume": "select", "solve": "select"},
    "quarantine": {
        "web": "select",
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
    "series": {"web": "select insert update delete", "operator": "select insert update"},
    "working_group": {"web": "select insert update delete", "operator": "select insert update"},
    "event": {
        "web": "select insert update",
        "relay": "select",
        "consume": "select",
        "solve": "select",
        "operator": "select insert update",
    },
    "form_copy": {"web": "select", "consume": "select insert update"},
    "partner_copy": {"web": "select", "consume": "select insert update"},
    "consultation": {"web": "select insert update delete", "operator": "select insert update"},
    "group_note": {"web": "select insert update delete", "operator": "select insert update"},
    "roster": {
        "web": "select",
        "relay": "select delete",
        "consume": "select insert update",
        "operator": "select",
    },
    "event_count": {
        "web": "select",
        "consume": "select insert update",
        "solve": "select",
        "operator": "select",
    },
    "mail_contact": {
        "web": "select",
        "relay": "select delete",
        "consume": "select insert",
        "operator": "select",
    },
    "group_contact": {
        "web": "select insert delete",
        "consume": "select insert update delete",
        "operator": "select insert delete",
    },
    "outbox": {
        "web": "select insert",
        "relay": "select update delete",
        "consume": "select insert update",
        "operator": "select insert update",
    },
    "inbox": {"relay": "select update delete", "consume": "select insert delete", "operator": "select update delete"},
    "halted_queue": {
        "consume": "select insert update delete",
        "operator": "select update(parking_reason,parking_left,try_at) delete",
    },
    "resource": {"web": "select insert update delete", "operator": "select insert update"},
    "hotel_block": {"web": "select insert update delete", "operator": "select insert update"},
    "tally": {"web": "select insert update", "consume": "select insert update", "operator": "select insert update"},
    "person_contact": {"web": "select", "consume": "select insert update delete"},
    "room": {"web": "select insert update delete", "solve": "select", "operator": "select insert update"},
    "room_hours": {"web": "select insert delete", "solve": "select", "operator": "select insert delete"},
    "slot": {"web": "select insert delete", "solve": "select", "operator": "select insert update delete"},
    "proposal": {
        "web": "select update",
        "relay": "select update(speaker_names,suggested_names)",
        "consume": "select insert update",
        "solve": "select",
        "operator": "select update",
    },
    "proposal_change": {"web": "select insert", "relay": "select", "consume": "select insert update"},
    "board": {
        "web": "select update",
        "consume": "select update",
        "solve": "select update",
        "operator": "select update",
    },
    "placement": {
        "web": "select insert update delete",
        "consume": "select delete",
        "solve": "select insert update delete",
        "operator": "select",
    },
    "schedule_version": {"web": "select insert", "solve": "select"},
    "version_placement": {"web": "select insert", "solve": "select"},
    "solve_job": {"web": "select insert", "solve": "select update"},
    "event_note": {"web": "select insert"},
    "event_change": {"web": "select insert", "operator": "insert"},
    "event_notice": {
        "web": "select insert update",
        "consume": "select update(sent)",
        "operator": "select insert update",
    },
    "begun_session": {"web": "select", "relay": "select delete", "consume": "insert"},
    "ended_session": {"web": "select insert", "relay": "select delete", "consume": "insert"},
    "waiting_approval": {"web": "select", "relay": "select delete", "consume": "select insert update"},
    "access_holder": {"web": "select", "relay": "select delete", "consume": "select insert update"},
    "key_check": {
        "web": "select insert",
        "consume": "select insert",
        "operator": "select insert update delete",
    },
    "audit_record": {"web": "insert", "relay": "select delete", "operator": "insert"},
    "own_audit_log": {"web": "select"},
}
"""Verbs by table and process."""

RIGHTS: Rights = united(_SEPARATE, UNITED)
"""Verbs by table and process."""
