"""Who may do what in the database of registration, table by table: the one place where a new table gets its rights.

A process that is not named may not even read. Nobody but the migrator empties, changes or drops a table.
"""

from shared.core.rights import Rights

RIGHTS: Rights = {
    "alembic_version": {"web": "select", "relay": "select", "consume": "select"},
    "event_copy": {"web": "select", "relay": "select", "consume": "select insert update", "operator": "select"},
    "working_group_copy": {"web": "select", "consume": "select insert update"},
    "partner": {"web": "select", "operator": "select insert update"},
    "form": {"web": "select update", "relay": "select", "operator": "select insert update"},
    "seat": {"web": "select update", "relay": "select update", "operator": "select insert"},
    "organisation": {"web": "select insert delete", "relay": "select delete"},
    "registration": {"web": "select insert update", "relay": "select update delete", "operator": "select update"},
    "registration_change": {"web": "select insert", "relay": "select insert delete", "operator": "select"},
    "idempotency": {"web": "select insert", "relay": "select delete"},
    "outbox": {
        "web": "select insert update",
        "relay": "select insert update delete",
        "operator": "select insert update",
    },
    "inbox": {"relay": "select update delete", "consume": "select insert delete", "operator": "select update delete"},
    "halted_queue": {"consume": "select insert update delete", "operator": "select delete"},
    "sealed_reading": {"web": "select insert"},
    "form_change": {"web": "select insert", "relay": "select", "operator": "select"},
    "promotion": {"web": "select insert", "relay": "insert"},
    "used_challenge": {"web": "select insert", "relay": "select delete"},
    "ended_session": {"web": "select insert", "relay": "select delete"},
    "refused_sign_in": {"web": "select insert", "relay": "select delete"},
    "retention_notice": {"relay": "select insert update delete", "operator": "select insert update delete"},
    "key_check": {"web": "select insert", "operator": "select insert update delete"},
    "deed": {"web": "insert", "relay": "insert", "operator": "insert"},
    "trail": {"web": "select"},
    "blocked_address": {"web": "select insert delete"},
    "shadow_registration": {"web": "insert", "relay": "select delete"},
    "shadow_change": {"web": "insert", "relay": "select delete"},
    "shadow_outbox": {"web": "insert", "relay": "select delete"},
}
"""Verbs by table and process."""
