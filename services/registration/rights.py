"""Who may do what in the database of registration, table by table: the one place where a new table gets its rights.

A process that is not named may not even read. Nobody but the migrator empties, changes or drops a table.
"""

from shared.core.rights import Rights

RIGHTS: Rights = {
    "alembic_version": {"web": "select", "relay": "select", "consume": "select", "tend": "select"},
    "event_copy": {"web": "select", "consume": "select insert update", "tend": "select", "operator": "select"},
    "working_group_copy": {"web": "select", "consume": "select insert update"},
    "partner": {"web": "select", "operator": "select insert update"},
    "form": {"web": "select update", "tend": "select", "operator": "select insert update"},
    "seat": {"web": "select update", "tend": "select update", "operator": "select insert"},
    "organisation": {"web": "select insert delete", "tend": "select delete"},
    "registration": {"web": "select insert update", "tend": "select update delete", "operator": "select update"},
    "registration_change": {"web": "select insert", "tend": "select insert delete", "operator": "select"},
    "idempotency": {"web": "select insert", "tend": "select delete"},
    "outbox": {
        "web": "select insert update",
        "relay": "select update delete",
        "tend": "select insert update",
        "operator": "select insert update",
    },
    "inbox": {"relay": "select update delete", "consume": "select insert delete", "operator": "select update delete"},
    "halted_queue": {"consume": "select insert update delete", "operator": "select delete"},
    "sealed_reading": {"web": "select insert"},
    "form_change": {"web": "select insert", "tend": "select", "operator": "select"},
    "promotion": {"web": "select insert", "tend": "insert"},
    "used_challenge": {"web": "select insert", "tend": "select delete"},
    "ended_session": {"web": "select insert", "tend": "select delete"},
    "refused_sign_in": {"web": "select insert", "tend": "select delete"},
    "retention_notice": {"tend": "select insert update delete", "operator": "select insert update delete"},
    "key_check": {"web": "select insert", "operator": "select insert update delete"},
    "deed": {"web": "insert", "tend": "insert", "operator": "insert"},
    "trail": {"web": "select"},
    "blocked_address": {"web": "select insert delete"},
    "shadow_registration": {"web": "insert", "tend": "select delete"},
    "shadow_change": {"web": "insert", "tend": "select delete"},
    "shadow_outbox": {"web": "insert", "tend": "select delete"},
}
"""Verbs by table and process."""
