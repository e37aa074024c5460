"""What registration holds about people, table by table: for the erasure and for the export of one person's data."""

from shared.store.personal_tables import PersonalTable

SOMEBODY_ELSE = "it says something about another person, a coordinator"
OTHER_PEOPLE = "ids of other people's registrations"
OTHERS = "the registration may belong to another person now"
CREDENTIAL = "it stands for a credential or a request, and says nothing about the person"
SEALED = "encrypted; the questions and their dates are under sealed_answers"

PENDING = "erase_pending: it waits for the owner of the address, of whatever registration"
LOGGED = "kept as long as the audit log; it names nobody"

_REGISTRATIONS = "(SELECT id FROM registration WHERE person_ref = :ref)"
_SUBJECTS = """(SELECT id::text FROM registration WHERE person_ref = :ref
    UNION SELECT id::text FROM confirmation_link WHERE address_ref = :ref
    UNION SELECT id::text FROM former_address WHERE address_ref = :ref)"""

TABLES = (
    PersonalTable(
        "FROM registration t WHERE t.person_ref = :ref",
        {"sealed": SEALED, "sealed_for": CREDENTIAL},
        erase="""
            UPDATE registration SET erased_at = :now, status = :status, revision = :revision,
                cancelled_at = CASE WHEN :status = 'cancelled' THEN coalesce(cancelled_at, :now) END,
                person_ref = NULL, person_key = NULL, mailbox_ref = NULL, domain_ref = NULL, name = NULL, email = NULL,
                organisation_id = NULL, working_group = NULL, representative = false, country = NULL, time_zone = NULL,
                offer_expires_at = NULL, offer_passed = false, language = NULL, answers = '{}',
                sealed = NULL, sealed_for = '{}', sealed_dates = '{}', consent = '{}', tags = '{}'
            WHERE id = CAST(:id AS uuid)
        """,
    ),
    PersonalTable(
        "FROM organisation t WHERE t.id IN (SELECT organisation_id FROM registration WHERE person_ref = :ref)",
        ends="forget_organisation: once nobody is of it any more",
    ),
    PersonalTable(
        f"FROM registration_change t WHERE t.registration_id IN {_REGISTRATIONS}",
        {"changed_by": SOMEBODY_ELSE},
        ends=LOGGED,
    ),
    PersonalTable(
        f"FROM proposal_state t WHERE t.registration_id IN {_REGISTRATIONS}",
        erase="DELETE FROM proposal_state WHERE registration_id = CAST(:id AS uuid)",
    ),
    PersonalTable(
        f"FROM mail_log t WHERE t.registration_id IN {_REGISTRATIONS}",
        erase="DELETE FROM mail_log WHERE registration_id = CAST(:id AS uuid)",
    ),
    PersonalTable(
        f"FROM registration_note t WHERE t.registration_id IN {_REGISTRATIONS}",
        {"written_by": SOMEBODY_ELSE},
        erase="DELETE FROM registration_note WHERE registration_id = CAST(:id AS uuid)",
    ),
    PersonalTable(
        f"FROM managing_link t WHERE t.registration_id IN {_REGISTRATIONS}",
        {"token_hash": CREDENTIAL},
        erase="DELETE FROM managing_link WHERE registration_id = CAST(:id AS uuid)",
    ),
    PersonalTable(
        f"FROM limited_link t WHERE t.registration_id IN {_REGISTRATIONS}",
        {"token_hash": CREDENTIAL},
        erase="DELETE FROM limited_link WHERE registration_id = CAST(:id AS uuid)",
    ),
    PersonalTable(
        f"FROM waiting_link t WHERE t.registration_id IN {_REGISTRATIONS}",
        erase="DELETE FROM waiting_link WHERE registration_id = CAST(:id AS uuid)",
    ),
    PersonalTable(
        f"FROM sealed_reading t WHERE t.registration_id IN {_REGISTRATIONS} OR t.people && ARRAY{_REGISTRATIONS}",
        {
            "reader": SOMEBODY_ELSE,
            "people": OTHER_PEOPLE,
            "approved_by": SOMEBODY_ELSE,
            "reason": "it may name other people; the operator has it in the log of readings",
            "content_hash": CREDENTIAL,
            "chain_hash": CREDENTIAL,
        },
        ends="kept as long as the audit log; nobody can change it",
    ),
    PersonalTable(
        f"FROM sealed_approval t WHERE t.people && ARRAY{_REGISTRATIONS}",
        {
            "asked_by": SOMEBODY_ELSE,
            "decided_by": SOMEBODY_ELSE,
            "reason": "it may name other people; the operator has it in the audit log's tables",
            "people": OTHER_PEOPLE,
        },
        ends="a month after the request ended; it names nobody",
    ),
    PersonalTable(
        f"FROM retention_notice t WHERE t.subject IN {_REGISTRATIONS}",
        ends="retraction: of what is not due any more, at the next look",
    ),
    PersonalTable(
        "FROM candidate t WHERE t.address_ref = :ref",
        {"sealed": SEALED, "network": "it is of whoever sent it, who may be somebody else", "fingerprint": CREDENTIAL},
        ends=PENDING,
    ),
    PersonalTable(
        "FROM mailbox t WHERE t.mailbox_ref = :mailbox",
        {"waiting_network": "it is of whoever sent a form last"},
        ends="a day after its last mail: a new submission must not be mailed sooner because of an erasure",
    ),
    PersonalTable("FROM waiting_address t WHERE t.address_ref = :ref", ends=PENDING),
    PersonalTable("FROM confirmation_link t WHERE t.address_ref = :ref", {"token_hash": CREDENTIAL}, ends=PENDING),
    PersonalTable(
        f"FROM address_change t WHERE t.address_ref = :ref OR t.registration_id IN {_REGISTRATIONS}",
        {"registration_id": OTHERS},
        erase="DELETE FROM address_change WHERE registration_id = CAST(:id AS uuid) OR address_ref = :ref",
    ),
    PersonalTable(
        "FROM former_address t WHERE t.address_ref = :ref",
        {"token_hash": CREDENTIAL, "registration_id": OTHERS},
        erase="DELETE FROM former_address WHERE registration_id = CAST(:id AS uuid)",
    ),
    PersonalTable("FROM erased_address t WHERE t.address_ref = :ref", ends="a day later, once nothing is undecided"),
    PersonalTable(
        "FROM blocked_address t WHERE t.person_ref = :ref",
        {"blocked_by": SOMEBODY_ELSE, "reason": "it may name other people; the operator has it in the console"},
        ends="a coordinator unblocks it: otherwise whoever is blocked would erase themselves and register again",
    ),
    PersonalTable(
        f"FROM outbox t WHERE t.subject IN {_SUBJECTS}",
        {"body": "for other services, encrypted to them; what they hold is in their part"},
        erase="UPDATE outbox SET body = '', blanked_at = :now WHERE subject = ANY(:subjects) AND blanked_at IS NULL",
    ),
    PersonalTable(f"FROM trail t WHERE t.subject IN {_SUBJECTS}", {"who": SOMEBODY_ELSE}, ends=LOGGED),
)
"""A test compares it with the tables that there are. The erasure of one registration goes through it in this order."""
