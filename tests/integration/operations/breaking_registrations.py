"""Ways to break registrations, the log of readings, and the keys of forms."""

from tests.integration.operations.breaking import Break, in_events, in_keys, in_notifications, in_registration

_ANOTHER_READING = """
    INSERT INTO sealed_reading (registration_id, form, reader, reason, read_at)
    SELECT registration_id, form, 'a reader', 'a good reason', now() FROM sealed_reading LIMIT 1
"""
_KEYS_AGREE = "forms seal to the keys that are held; destroyed keys are destroyed in both"
_CONFIRMED = "form = 'upr-webinar-10' AND status = 'confirmed' AND position IS NULL"

_ADDRESS_CHANGE = """
    INSERT INTO address_change (id, registration_id, address_ref, mailbox_ref, domain_ref, email, code, received_at,
        mailed_at)
    SELECT uuidv7(), id, sha256('a'), sha256('a'), '\\x00', 'other@example.org', 'P4ZT', {received_at}, {mailed_at}
    FROM registration WHERE {one} ORDER BY id LIMIT 1
"""
_FORMER_ADDRESS = """
    INSERT INTO former_address (id, registration_id, revision, token_hash, address_ref, mailbox_ref, domain_ref, email,
        changed_at, expires_at)
    SELECT uuidv7(), id, 2, sha256('t'), sha256('a'), sha256('a'), '\\x00', 'other@example.org', now(), {expires_at}
    FROM registration WHERE {one} ORDER BY id LIMIT 1
"""
_ERASED, _CONFIRMED_KEPT = "erased_at IS NOT NULL", f"{_CONFIRMED} AND erased_at IS NULL"
_ADDRESS_KEPT = "no address before or after a change is kept long after its time"
_ADDRESS_LEFT = "no address before or after a change is left of an erased person"

_OF_A_CANDIDATE = "(SELECT submission FROM candidate ORDER BY id LIMIT 1)"

BREAKS: tuple[Break, ...] = (
    in_registration(
        "A1",
        "never decided",
        "no submission stays undecided for long",
        "UPDATE submission SET state = 'received', body = 'x', decided_at = NULL, outcome = NULL, "
        "received_at = now() - interval '2 hours' WHERE id = (SELECT min(id) FROM submission WHERE kind = 'confirm')",
    ),
    in_registration(
        "A1",
        "decided without an outcome",
        "each decided submission has an outcome",
        "UPDATE submission SET outcome = NULL WHERE id = (SELECT min(id) FROM submission)",
    ),
    in_registration(
        "A1",
        "candidate of an undecided submission",
        "each candidate comes from a decided submission",
        "UPDATE submission SET state = 'parked', parked_reason = 'x', body = 'x', decided_at = NULL "
        f"WHERE id = {_OF_A_CANDIDATE}",
    ),
    in_registration(
        "A1",
        "candidate lost",
        "what each submission became exists",
        "DELETE FROM candidate WHERE received_at > now() - interval '1 day'",
    ),
    in_registration(
        "A1",
        "candidate stays after its registration",
        "no submission is a candidate and a registration",
        f"UPDATE registration SET submission = {_OF_A_CANDIDATE} WHERE status = 'waitlisted'",
    ),
    in_registration(
        "A2",
        "seats miscounted",
        "the seats count the registrations that have one or wait for one",
        "UPDATE seat SET confirmed = confirmed + 1 WHERE form = 'upr-webinar-10'",
    ),
    in_registration(
        "A2",
        "counts over all forms drift",
        "the counts over all forms are those of the registrations",
        "UPDATE registration_count_change SET change = -change",
        "UPDATE registration_count SET registrations = registrations + 1",
    ),
    in_registration(
        "A2",
        "registration lost",
        "each history is of a person who is stored",
        f"DELETE FROM registration WHERE id = (SELECT id FROM registration WHERE {_CONFIRMED} ORDER BY id LIMIT 1)",
        "UPDATE seat SET confirmed = confirmed - 1 WHERE form = 'upr-webinar-10'",
    ),
    in_registration(
        "A2",
        "registration lost long after its submission",
        "each form has as many registrations as it made and has not forgotten",
        "UPDATE seat SET made = made + 1 WHERE form = 'upr-webinar-10'",
    ),
    in_registration(
        "A2",
        "registration lost with its history",
        "everyone whom coordinators see is registered",
        "DELETE FROM registration_change WHERE registration_id = "
        f"(SELECT id FROM registration WHERE {_CONFIRMED} ORDER BY id LIMIT 1)",
        "DELETE FROM registration r WHERE NOT EXISTS "
        "(SELECT FROM registration_change c WHERE c.registration_id = r.id)",
        "UPDATE seat SET confirmed = confirmed - 1 WHERE form = 'upr-webinar-10'",
    ),
    in_registration(
        "A2",
        "candidate never deleted",
        "no candidate is kept long after its expiry",
        "UPDATE candidate SET received_at = now() - interval '20 days'",
    ),
    in_registration(
        "A2",
        "address that was asked for and never confirmed is not deleted",
        _ADDRESS_KEPT,
        _ADDRESS_CHANGE.format(one=_CONFIRMED_KEPT, received_at="now() - interval '16 days'", mailed_at="NULL"),
    ),
    in_registration(
        "A2",
        "address that was mailed and never confirmed is not deleted",
        _ADDRESS_KEPT,
        _ADDRESS_CHANGE.format(
            one=_CONFIRMED_KEPT, received_at="now() - interval '9 days'", mailed_at="now() - interval '9 days'"
        ),
    ),
    in_registration(
        "A2",
        "former address is not deleted",
        _ADDRESS_KEPT,
        _FORMER_ADDRESS.format(one=_CONFIRMED_KEPT, expires_at="now() - interval '2 days'"),
    ),
    in_registration(
        "A2",
        "erased and an address asked for is left",
        _ADDRESS_LEFT,
        _ADDRESS_CHANGE.format(one=_ERASED, received_at="now()", mailed_at="NULL"),
    ),
    in_registration(
        "A2",
        "erased and a former address is left",
        _ADDRESS_LEFT,
        _FORMER_ADDRESS.format(one=_ERASED, expires_at="now() + interval '7 days'"),
    ),
    in_events(
        "A2",
        "event miscounted",
        "the numbers of each event are those of its people",
        "UPDATE event_count SET registrations = registrations + 1",
    ),
    in_events(
        "A2",
        "kind of form miscounted",
        "the kept numbers are those of the live registrations",
        "UPDATE tally SET registrations = registrations + 1 WHERE dimension = 'form_kind'",
    ),
    in_registration(
        "A2",
        "erased with personal data left",
        "nothing but counts is left of an erased person",
        "ALTER TABLE registration DROP CONSTRAINT registration_erased_is_nobodys",
        "UPDATE registration SET person_ref = sha256('a') WHERE erased_at IS NOT NULL",
    ),
    in_events(
        "A2",
        "erased and still on a roster",
        "nothing but counts is left of an erased person on a roster",
        "ALTER TABLE roster DROP CONSTRAINT roster_erased_is_nobodys",
        "UPDATE roster SET person_ref = sha256('a') WHERE erased_at IS NOT NULL",
    ),
    in_registration(
        "A2",
        "erased and a decision on the proposal is left",
        "no decision on a proposal is left of an erased person",
        "INSERT INTO proposal_state (registration_id, revision, answers_revision, status, note, decided_at) "
        "SELECT id, 1, 1, 'declined', '', now() FROM registration WHERE erased_at IS NOT NULL ORDER BY id LIMIT 1",
    ),
    in_registration(
        "A3",
        "offer stays after it has expired",
        "no offer stays open long after it has expired",
        "UPDATE registration SET offer_expires_at = now() - interval '2 days' WHERE id = "
        "(SELECT id FROM registration WHERE status = 'waitlisted' ORDER BY id LIMIT 1)",
        "UPDATE seat SET offered = offered + 1 WHERE form = 'upr-webinar-10'",
    ),
    in_registration(
        "A3",
        "capacity is not that of the change",
        "each form has the capacity of its newest change",
        "UPDATE seat SET capacity = 400 WHERE form = 'upr-webinar-10'",
    ),
    in_registration(
        "A3",
        "more seats than ever",
        "as many seats are taken as there were when they were given",
        f"UPDATE registration SET capacity_then = 1 WHERE {_CONFIRMED.partition(' AND pos')[0]}",
    ),
    in_registration(
        "A3",
        "confirmed beyond the capacity",
        "each confirmation and each offer fits the capacity then in force",
        "UPDATE registration_change SET capacity_then = 1 WHERE status = 'confirmed'",
    ),
    in_registration(
        "A3",
        "number in line given twice",
        "no two people share a number in line",
        "UPDATE registration SET position = (SELECT min(position) FROM registration) WHERE status = 'waitlisted'",
    ),
    in_registration(
        "A3",
        "number in line never given",
        "every number in line was given",
        "UPDATE seat SET last_position = last_position + 1",
    ),
    in_registration(
        "A4",
        "registered twice",
        "no person is registered twice on a form",
        "DROP INDEX registration_live",
        f"UPDATE registration SET person_key = (SELECT person_key FROM registration WHERE {_CONFIRMED} "
        "ORDER BY id LIMIT 1) WHERE status = 'waitlisted'",
    ),
    in_registration(
        "A4",
        "submission registered twice",
        "each submission makes one registration at most",
        f"UPDATE registration SET submission = (SELECT submission FROM registration WHERE {_CONFIRMED} "
        "ORDER BY id LIMIT 1) WHERE status = 'waitlisted'",
    ),
    in_registration(
        "A12",
        "reading without a registration",
        "each reading is of a registration on its form",
        "INSERT INTO sealed_reading (registration_id, form, reader, reason, read_at) "
        "VALUES (uuidv7(), 'upr-webinar-10', 'a reader', 'a good reason', now())",
    ),
    in_registration(
        "A12",
        "log can be changed",
        "the log accepts no reading without reader and reason, and no change",
        "ALTER TABLE sealed_reading DISABLE TRIGGER sealed_reading_stays",
    ),
    in_registration(
        "A12",
        "reading rewritten",
        "each reading is chained to those before it",
        "ALTER TABLE sealed_reading DISABLE TRIGGER sealed_reading_stays",
        "UPDATE sealed_reading SET reader = 'nobody'",
        "ALTER TABLE sealed_reading ENABLE TRIGGER sealed_reading_stays",
    ),
    in_registration(
        "A12",
        "reading taken out",
        "each reading is chained to those before it",
        _ANOTHER_READING,
        "ALTER TABLE sealed_reading DISABLE TRIGGER sealed_reading_kept",
        "DELETE FROM sealed_reading WHERE id = (SELECT min(id) FROM sealed_reading)",
        "ALTER TABLE sealed_reading ENABLE TRIGGER sealed_reading_kept",
    ),
    in_registration(
        "A12",
        "readings are not chained",
        "the log accepts no reading without reader and reason, and no change",
        "ALTER TABLE sealed_reading DISABLE TRIGGER sealed_reading_chained",
    ),
    in_registration(
        "A12",
        "log takes no reason",
        "the log accepts no reading without reader and reason, and no change",
        "ALTER TABLE sealed_reading DROP CONSTRAINT sealed_reading_reason_check",
    ),
    *(
        in_keys("A13", name, _KEYS_AGREE, statement)
        for name, statement in {
            "key is missing": "DELETE FROM form_private_key WHERE form = 'upr-webinar-10'",
            "key is another": "UPDATE form_private_key SET fingerprints = '{ab}' WHERE form = 'upr-webinar-10'",
            "key is destroyed in one alone": "UPDATE form_private_key SET wrapped = NULL, destroyed_at = now() "
            "WHERE form = 'upr-webinar-10'",
        }.items()
    ),
    in_registration(
        "A13",
        "registration is from before the destruction",
        _KEYS_AGREE,
        "UPDATE form_key SET public_key = NULL, destroyed_at = now() WHERE form = 'upr-webinar-10'",
    ),
    in_keys(
        "A13",
        "tombstones can be changed",
        "no tombstone can be changed",
        "ALTER TABLE form_private_key DISABLE TRIGGER tombstone_stays",
    ),
    in_registration(
        "A14",
        "answers changed",
        "rows of registration contain what was written",
        "UPDATE registration SET name = 'Another' WHERE name IS NOT NULL",
    ),
    in_registration(
        "A14",
        "link lost",
        "each live registration has the links of its newest revision",
        "DELETE FROM managing_link",
    ),
    in_events(
        "A14",
        "roster changed",
        "rows of events contain what was written",
        "UPDATE roster SET language = 'fr' WHERE erased_at IS NULL",
    ),
    in_notifications(
        "A14",
        "recipient changed",
        "rows of notifications contain what was written",
        "UPDATE recipient SET language = 'fr' WHERE erased_at IS NULL",
    ),
    in_notifications(
        "A2",
        "mails without a recipient",
        "every recipient of mails is registered",
        """INSERT INTO recipient (subject, about, person_ref, form, form_kind, language, status, revision, occurred_at,
            closed, noted_at, heard_at)
        SELECT uuidv7(), about, person_ref, form, form_kind, language, status, revision, occurred_at, closed, noted_at,
            heard_at
        FROM recipient WHERE about = 'registration' LIMIT 1""",
    ),
)
