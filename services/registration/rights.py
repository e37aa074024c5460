"""Rights in the database of registration, table by table; a new table gets its rights here.

A process that is not named may not even read. Only the migrator empties, changes or drops a table.

``forms`` and ``own`` serve the public. ``forms`` reads no person at all, and ``own`` only what the token of a link
opens, by functions. ``web`` is both of them and ``desk`` in one process, for small installations, and ``work`` all
background processes; each has the rights of all that it unites.
"""

from shared.db.roles import Rights, united

FORMS, OWN, DESK, DECIDE, RELAY, CONSUME, TEND = "forms", "own", "desk", "decide", "relay", "consume", "tend"
WEB, WORK, OPERATOR = "web", "work", "operator"

UNITED = {WEB: (FORMS, OWN, DESK), WORK: (DECIDE, RELAY, CONSUME, TEND)}
"""Processes that unite others."""

_SUBMIT = "receipt_hash,kind,form,form_revision,fingerprint,network,challenge,code,body,decider_key"
_COMMAND = "receipt_hash,kind,form,form_revision,token_hash,fingerprint,network,code,body,decider_key"
_DESK = "receipt_hash,kind,form,form_revision,fingerprint,code,body,decider_key,entered_by"
_AT = "timestamp with time zone"

_SEPARATE: Rights = {
    # read by the audit alone, or by functions of the owner
    "content_key": {},
    "content_difference": {},
    "content_count": {},
    "count_difference": {},
    "alembic_version": dict.fromkeys((FORMS, OWN, DESK, DECIDE, RELAY, CONSUME, TEND, OPERATOR), "select"),
    "lost_registration": {TEND: "select delete"},
    "quarantine": dict.fromkeys((FORMS, OWN, DESK, DECIDE, RELAY, CONSUME, TEND, OPERATOR), "select"),
    "highest_time": dict.fromkeys((DECIDE, RELAY, CONSUME, TEND, OPERATOR), "select update"),
    "key_check": {
        **dict.fromkeys((FORMS, OWN, DESK, DECIDE, CONSUME, TEND), "select insert"),
        OPERATOR: "select insert update delete",
    },
    # locks: those of two numbers for the check of keys, which public processes need too; those of one for all else
    "pg_advisory_xact_lock(integer,integer)": dict.fromkeys(
        (FORMS, OWN, DESK, DECIDE, CONSUME, TEND, OPERATOR), "execute"
    ),
    "pg_advisory_xact_lock(bigint)": {DESK: "execute"},
    "pg_try_advisory_xact_lock(bigint)": {TEND: "execute", DECIDE: "execute"},  # DECIDE: of 0.1.0
    # forms
    "public_form": dict.fromkeys((FORMS, OWN, DESK, DECIDE, TEND, OPERATOR), "select"),
    "public_event": dict.fromkeys((FORMS, OWN, DESK), "select"),
    "event_copy": {
        DECIDE: "select",
        TEND: "select",
        CONSUME: "select insert update",
        OPERATOR: "select",
    },
    "working_group_copy": {FORMS: "select", OWN: "select", DESK: "select", CONSUME: "select insert update"},
    "hotel_copy": {DESK: "select", CONSUME: "select insert update"},
    "resource_copy": {OWN: "select", CONSUME: "select insert update"},
    "partner": {FORMS: "select", OWN: "select", DESK: "select insert update", OPERATOR: "select insert update"},
    "form": {
        DESK: "select insert update",
        DECIDE: "select",
        TEND: "select update(reservations,revision)",
        OPERATOR: "select insert update",
    },
    "form_draft": {DESK: "select insert update delete"},
    "form_key": {FORMS: "select", OWN: "select", DESK: "select insert update", OPERATOR: "select insert update"},
    "form_change": {DESK: "select insert", DECIDE: "select", TEND: "select insert", OPERATOR: "select"},
    "seat": {
        DESK: "select insert update",
        DECIDE: "select update",
        TEND: "select update",
        OPERATOR: "select insert update(word,options)",
    },
    "promotion": {DESK: "select insert", DECIDE: "insert", TEND: "select insert delete"},
    # intake
    "submission": {
        FORMS: f"insert({_SUBMIT})",
        OWN: f"insert({_COMMAND})",
        DESK: f"select(id,state,calendar_key,form,kind,received_at) update(calendar_key,became) insert({_DESK})",
        DECIDE: "select update",
        CONSUME: "select(id) update(became)",
        TEND: "select update(network,calendar_key) delete",
        OPERATOR: "select update delete",
    },
    "decider_key": {FORMS: "select", OWN: "select", DESK: "select", DECIDE: "select insert", OPERATOR: "select delete"},
    "decider_attempt": {DECIDE: "select insert delete"},
    "decider_lead": {},
    "try_to_lead()": {DECIDE: "execute"},
    "pause_deciders()": dict.fromkeys((DESK, OPERATOR), "execute"),
    "candidate": {
        DESK: "select delete",
        DECIDE: "select insert delete",
        CONSUME: "select update(mailed_at) delete",
        TEND: "select update(network) delete",
        OPERATOR: "select(id,form,sealed) update(sealed)",
    },
    "mailbox": {DESK: "select", DECIDE: "select insert update", TEND: "select update delete"},
    "mail_count": {DECIDE: "select insert update", TEND: "select delete"},
    "waiting_address": {
        DESK: "select delete",
        DECIDE: "select insert update(proven) delete",
        CONSUME: "select delete",
        TEND: "select update(network) delete",
    },
    "waiting_network": {DESK: "select", DECIDE: "select insert update(since)", TEND: "select delete"},
    "unverified_submission": {DESK: "select", DECIDE: "select insert delete", TEND: "select delete"},
    "waiting_link": {DESK: "select delete", DECIDE: "select insert delete", TEND: "select delete"},
    "confirmation_link": {
        DESK: "select delete",
        DECIDE: "select insert delete",
        CONSUME: "select",
        TEND: "select delete",
    },
    "address_change": {
        DESK: "select delete",
        DECIDE: "select insert delete",
        CONSUME: "select update(mailed_at) delete",
        TEND: "select delete",
    },
    "former_address": {
        DESK: "select delete",
        DECIDE: "select insert delete",
        TEND: "select update(content) delete",
    },
    "erased_address": {
        DESK: "select insert update",
        DECIDE: "select insert update",
        TEND: "select delete",
    },
    "used_challenge": {
        FORMS: "select(form,used_at)",
        OWN: "select(form,used_at)",
        DESK: "select(form,used_at)",
        DECIDE: "select insert",
        TEND: "select delete",
    },
    "blocked_address": {DESK: "select insert delete", DECIDE: "select"},
    # importing
    "people_import": {
        DESK: "select insert update",
        DECIDE: "select update",
        TEND: "select update(state,finished_at,failure,revision) delete",
    },
    "import_file": {DESK: "select insert delete", TEND: "select delete"},
    "import_batch": {DESK: "select insert delete", DECIDE: "select update", TEND: "select delete"},
    # people
    "organisation": {DESK: "select delete", DECIDE: "select insert delete", TEND: "select delete"},
    "registration": {
        DESK: "select update",
        DECIDE: "select insert update",
        CONSUME: "select(id,erased_at) update(lapses_at)",
        TEND: "select update delete",
        OPERATOR: "select update",
    },
    "registration_count": {DESK: "select", TEND: "select insert update delete"},
    "registration_count_change": {DESK: "select", TEND: "select delete"},  # a trigger adds rows
    "proposal_state": {
        DESK: "select delete",
        DECIDE: "select delete",
        CONSUME: "select insert update",
        TEND: "select delete",
        OPERATOR: "select",
    },
    "registration_change": {
        DESK: "select insert",
        DECIDE: "insert",
        TEND: "select insert delete",
        OPERATOR: "select",
    },
    "registration_note": {
        DESK: "select insert delete",
        DECIDE: "select update delete",
        TEND: "select delete",
    },
    "list_view": {DESK: "select insert delete"},
    "mail_log": {
        DESK: "select delete",
        DECIDE: "select delete",
        CONSUME: "insert",
        TEND: "select delete",
    },
    "managing_link": {
        DESK: "select insert delete",
        DECIDE: "select insert delete",
        CONSUME: "select delete",
        TEND: "select insert delete",
    },
    "limited_link": {DESK: "select insert delete", DECIDE: "select insert delete", TEND: "select insert delete"},
    # privacy, audit log, console
    "sealed_reading": {DESK: "select insert", TEND: "select delete"},
    "sealed_approval": {DESK: "select insert update", TEND: "select delete", OPERATOR: "select"},
    "retention_notice": {DESK: "select", TEND: "select insert update delete", OPERATOR: "select insert update delete"},
    "audit_record": {DESK: "insert", DECIDE: "insert", TEND: "select insert delete", OPERATOR: "insert"},
    "own_audit_log": {DESK: "select"},
    "audit_entry": {CONSUME: "insert", TEND: "select delete"},
    "audit_log": {DESK: "select"},
    "ended_session": {DESK: "select insert", TEND: "select delete"},
    "refused_sign_in": {DESK: "select insert", TEND: "select delete"},
    "console_session": {DESK: "select insert update(last_seen_at)", TEND: "select delete"},
    "access_holder": {DESK: "select insert update", TEND: "select delete"},
    "invitation": {DESK: "select insert update(used_at,withdrawn_at)", TEND: "select delete"},
    "passkey": {DESK: "select insert update(sign_count,last_used_at) delete"},
    "used_passkey_challenge": {DESK: "insert", TEND: "select delete"},
    # messaging
    "outbox": {
        DESK: "select insert update",
        DECIDE: "select insert update",
        TEND: "select insert update",
        RELAY: "select update delete",
        OPERATOR: "select insert update",
    },
    "inbox": {RELAY: "select update delete", CONSUME: "select insert delete", OPERATOR: "select update delete"},
    "halted_queue": {
        CONSUME: "select insert update delete",
        OPERATOR: "select update(parking_reason,parking_left,try_at) delete",
    },
    # what the public processes may ask
    "receipt_of(bytea)": {FORMS: "execute", OWN: "execute", DESK: "execute"},
    f"confirmation_mails_held(bigint,{_AT})": {FORMS: "execute", OWN: "execute", DESK: "execute"},
    "undecided_bytes(bigint)": {FORMS: "execute", OWN: "execute", DESK: "execute"},
    f"link_of(bytea,{_AT})": {OWN: "execute"},
    f"pending_for(bytea,{_AT})": {OWN: "execute"},
    f"address_changes_for(bytea,{_AT})": {OWN: "execute"},
    "own_address(bytea)": {OWN: "execute"},
    f"former_address_of(bytea,{_AT})": {OWN: "execute"},
    f"registered_for(bytea,{_AT})": {OWN: "execute"},
    "link_outcomes(bytea)": {OWN: "execute"},
    "own_registration(bytea)": {OWN: "execute"},
    "own_changes(bytea,text[])": {OWN: "execute"},
    "own_lapses_at(bytea)": {OWN: "execute"},
    "own_history(bytea)": {OWN: "execute"},
    "viewed_registration(bytea)": {OWN: "execute"},
    "meeting_of(bytea)": {OWN: "execute"},
    "digest_registration(uuid)": {TEND: "execute"},
}


RIGHTS: Rights = united(_SEPARATE, UNITED)
"""Verbs by table or function, and process."""

_NEW_KEY = "select insert(form,wrapped,fingerprints)"

KEYS_RIGHTS: Rights = united(
    {
        "alembic_version": {DESK: "select", OPERATOR: "select"},
        "form_private_key": {DESK: _NEW_KEY, OPERATOR: f"{_NEW_KEY} update(wrapped,fingerprints,changed_at)"},
        f"destroy_form_key(text,{_AT})": {DESK: "execute", OPERATOR: "execute"},
    },
    {WEB: (DESK,)},
)
"""The same in the keys database, which has separate logins: only processes that unwrap form keys may connect.

A desk makes keys and destroys them; it cannot put another key in place of one that exists."""
