"""What the routes of each service do with a key that is limited to some forms. Every new route needs an entry here."""

REFUSED = "refused"
"""The route reads or changes data of all forms: no limited key opens it, with any roles."""
FILTERED = "filtered"
"""It shows what everyone may see, and of the rest what belongs to the key's own forms."""
OWN_EVENT = "own event only"
"""The route is about one event, form or resource: open if the key covers it and all that a resource belongs to."""
HIDDEN = "as if it were not there"
"""It is about one person or mail: not to be found, unless it belongs to one of the key's own forms."""
NOTHING = "no personal data"
"""It shows and changes nothing that belongs to a form."""

_STEPS = "any(announce, confirm, postpone, reschedule, cancel, revive, hold)"
_VERBS = ("accept", "decline", "return", "suggestion/adopt", "suggestion/dismiss")
_NOT_PUBLIC = ("consultations", "group-contacts", "hotels")
_SET_UP = (*_NOT_PUBLIC, "rooms", "series", "slots", "working-groups")
_REFUSED = (
    "GET /console/geneva",
    "GET /console/groups",
    "GET /console/overview",
    "GET /console/translations",
    "GET /console/side-events",
    "POST /console/side-events/<uuid:proposal_id>",
    "POST /console/side-events/marked",
    "POST /console/side-events/<uuid:proposal_id>/suggestion",
    "GET /console/speakers",
    "GET /console/speakers.csv",
    "GET /console/timetable",
    "GET /console/timetable/<uuid:proposal_id>",
    "POST /console/timetable/<uuid:proposal_id>",
    "POST /console/timetable/publish",
    "POST /console/timetable/schedule",
    "GET /console/set-up",
    "GET /console/set-up/<part>",
    "GET /console/set-up/<part>/new",
    "POST /console/set-up/<part>/new",
    "GET /console/set-up/<part>/<item_id>",
    "POST /console/set-up/<part>/<item_id>",
    "POST /console/set-up/<part>/<item_id>/withdraw",
    *(f"{verb} /v1/{part}" for part in _SET_UP for verb in ("GET", "POST") if verb != "GET" or part in _NOT_PUBLIC),
    "DELETE /v1/resources/<item_id>",
    *(
        f"{verb} /v1/{part}/<item_id>"
        for part in _SET_UP
        for verb in ("GET", "PATCH", "DELETE")
        if (verb != "GET" or part in _NOT_PUBLIC) and (verb != "PATCH" or part != "slots")
    ),
    "GET /v1/overview",
    *("GET /v1/clashes", "GET /v1/coverage", "GET /v1/speakers"),
    "GET /v1/proposals",
    "GET /v1/proposals/<uuid:proposal_id>",
    "PATCH /v1/proposals/<uuid:proposal_id>",
    "GET /v1/proposals/<uuid:proposal_id>/history",
    *(f"POST /v1/proposals/<uuid:proposal_id>/{verb}" for verb in _VERBS),
    "GET /v1/schedule",
    "GET /v1/schedule/conflicts",
    "GET /v1/schedule/jobs/<uuid:job_id>",
    "PUT /v1/schedule/placements/<uuid:proposal_id>",
    "DELETE /v1/schedule/placements/<uuid:proposal_id>",
    "POST /v1/schedule/publish",
    "POST /v1/schedule/solve",
    "GET /v1/service-audit/events",
    "POST /v1/person-export/events",
)
_OWN_EVENT = (
    "GET /console/events/<event_id>",
    "GET /console/events/<event_id>/change/<action>",
    "POST /console/events/<event_id>/change/<action>",
    "GET /console/events/<event_id>/edit",
    "POST /console/events/<event_id>/edit",
    "GET /console/events/<event_id>/new-resource",
    "POST /console/events/<event_id>/new-resource",
    "POST /console/events/<event_id>/notes",
    "GET /console/events/<event_id>/resources/<resource_id>",
    "POST /console/events/<event_id>/resources/<resource_id>",
    "POST /console/new-event",
    "POST /v1/events",
    "PATCH /v1/events/<event_id>",
    f"POST /v1/events/<event_id>/<{_STEPS}:step_name>",
    "GET /v1/events/<event_id>/counts",
    "GET /v1/events/<event_id>/coverage",
    "GET /v1/events/<event_id>/history",
    "GET /v1/events/<event_id>/notes",
    "POST /v1/events/<event_id>/notes",
    "GET /v1/events/<event_id>/roster",
    "POST /v1/resources",
    "PATCH /v1/resources/<item_id>",
)
# Those of /v1 are public; with a key they show more.
_FILTERED = (
    *("GET /console", "GET /v1/events", "GET /v1/events/<event_id>"),
    *("GET /v1/resources", "GET /v1/resources/<item_id>"),
    *(f"GET /v1/{part}{one}" for part in _SET_UP if part not in _NOT_PUBLIC for one in ("", "/<item_id>")),
)
_NOTHING = ("GET /console/new-event",)

REACH = (
    dict.fromkeys(_REFUSED, REFUSED)
    | dict.fromkeys(_OWN_EVENT, OWN_EVENT)
    | dict.fromkeys(_FILTERED, FILTERED)
    | dict.fromkeys(_NOTHING, NOTHING)
)
"""What happens in the events service, by method and route."""

_PERSON = "/console/registrations/<uuid:registration_id>"
_REGISTRATION = "/v1/registrations/<uuid:registration_id>"
_OWN_FORM = (
    "GET /console/registrations/forms/<slug>",
    "POST /console/registrations/forms/<slug>",
    f"GET {_PERSON}",
    f"POST {_PERSON}",
    f"POST {_PERSON}/sealed",
    "POST /console/registrations/sealed-lists",
    "GET /console/registrations/forms/<slug>/destroy-key",
    "POST /console/registrations/forms/<slug>/destroy-key",
    "POST /v1/sealed-lists",
    "POST /v1/sealed-approvals",
    f"POST {_PERSON}/erasure",
    "PATCH /v1/forms/<slug>",
    "GET /v1/forms/<slug>/history",
    "GET /v1/forms/<slug>/seats",
    "GET /console/registrations/forms/<slug>/seats",
    "POST /console/registrations/forms/<slug>/seats",
    f"PUT {_REGISTRATION}/offer",
    f"DELETE {_REGISTRATION}/offer",
    f"GET {_REGISTRATION}",
    f"PATCH {_REGISTRATION}",
    f"DELETE {_REGISTRATION}",
    f"GET {_REGISTRATION}/erasure",
    f"POST {_REGISTRATION}/erasure",
    f"GET {_PERSON}/correct",
    f"POST {_PERSON}/correct",
    f"GET {_PERSON}/merge",
    f"POST {_PERSON}/merge",
    f"POST {_PERSON}/link",
    f"POST {_PERSON}/tags",
    f"POST {_PERSON}/notes",
    "GET /console/registrations/forms/<slug>/enter",
    "POST /console/registrations/forms/<slug>/enter",
    f"POST {_REGISTRATION}/correction",
    f"POST {_REGISTRATION}/merge",
    f"POST {_REGISTRATION}/link",
    f"GET {_REGISTRATION}/notes",
    f"POST {_REGISTRATION}/notes",
    f"DELETE {_REGISTRATION}/notes/<uuid:note_id>",
    "POST /v1/forms/<slug>/registrations",
)
_DRAFT = "/v1/form-drafts/<slug>"
_DRAFT_PAGE = "/console/registrations/form-drafts/<slug>"
_DRAFT_PAGES = (
    "POST /console/registrations/forms/<slug>/draft",
    f"GET {_DRAFT_PAGE}",
    f"POST {_DRAFT_PAGE}",
    f"GET {_DRAFT_PAGE}/questions/<position>",
    f"POST {_DRAFT_PAGE}/questions/<position>",
    f"GET {_DRAFT_PAGE}/preview",
    f"POST {_DRAFT_PAGE}/publish",
    f"POST {_DRAFT_PAGE}/discard",
)
_OWN_DRAFT = (f"GET {_DRAFT}", f"POST {_DRAFT}", f"PUT {_DRAFT}", f"DELETE {_DRAFT}", f"POST {_DRAFT}/publish")
_IMPORT, _IMPORT_PAGE = "/v1/imports/<uuid:import_id>", "/console/registrations/imports/<uuid:import_id>"
_IMPORTS = (
    "POST /v1/imports",
    f"GET {_IMPORT}",
    f"GET {_IMPORT}/rows",
    f"PUT {_IMPORT}/mapping",
    f"POST {_IMPORT}/confirm",
    f"POST {_IMPORT}/resume",
    f"DELETE {_IMPORT}",
    "POST /console/registrations/imports",
    f"GET {_IMPORT_PAGE}",
    f"GET {_IMPORT_PAGE}/refused.csv",
    f"POST {_IMPORT_PAGE}/mapping",
    f"POST {_IMPORT_PAGE}/values",
    f"POST {_IMPORT_PAGE}/confirm",
    f"POST {_IMPORT_PAGE}/cancel",
    f"POST {_IMPORT_PAGE}/resume",
)
_OWN_FORMS_ALONE = (
    "GET /console/registrations/imports",
    "GET /v1/imports",
    "POST /console/registrations/marked",
    "GET /v1/form-drafts",
    "GET /console/registrations",
    "POST /console/registrations/views",
    "GET /console/registrations.csv",
    "GET /console/registrations.xlsx",
    "POST /v1/registrations/tags",
    "GET /console/registrations/forms",
    "GET /v1/forms",
    "GET /console/registrations/partners",
    "GET /console/registrations/partners/<slug>",
    "GET /v1/partners",
    "GET /v1/partners/<slug>",
    "GET /v1/registrations",
    "GET /v1/sealed-readings",
    "GET /v1/sealed-approvals",
    "GET /console/registrations/sealed-lists",
    "GET /console/registrations/sealed-lists/new",
    "GET /console/registrations/sealed-readings",
)
_SEALED_LIST = "/console/registrations/sealed-lists/<uuid:list_id>"
_APPROVAL = "/console/registrations/sealed-approvals/<uuid:approval_id>"
_SEALED_HIDDEN = (
    f"GET {_SEALED_LIST}",
    f"GET {_SEALED_LIST}/<any(csv, xlsx):kind>",
    f"GET {_APPROVAL}",
    f"POST {_APPROVAL}",
    "GET /v1/sealed-lists/<uuid:list_id>",
    "POST /v1/sealed-approvals/<uuid:approval_id>",
)
_PARTNER = "/console/registrations/partners/<slug>"
_PARTNERS = (
    "GET /console/registrations/side-event-forms",
    "POST /console/registrations/side-event-forms",
    "GET /v1/side-event-forms",
    "POST /v1/side-event-forms",
    "GET /console/registrations/first-steps",
    "GET /console/registrations/new-form",
    "POST /console/registrations/new-form",
    "GET /console/registrations/new-partner",
    "POST /console/registrations/new-partner",
    f"GET {_PARTNER}/edit",
    f"POST {_PARTNER}/edit",
    f"POST {_PARTNER}/decide",
    "POST /v1/partners",
    "PATCH /v1/partners/<slug>",
)
_OWN_PARTNER = (f"POST {_PARTNER}/ask", "POST /v1/partners/<slug>/origins")
_VIEWS = (
    "GET /v1/registrations/views",
    "POST /v1/registrations/views",
    "DELETE /v1/registrations/views/<uuid:view_id>",
)
_BLOCKED = (
    "GET /v1/blocked-addresses",
    "POST /v1/blocked-addresses",
    "DELETE /v1/blocked-addresses/<uuid:blocked_id>",
)
_HOLDER = "<uuid:holder_id>"
_ACCESS = (
    "GET /console/access",
    "GET /console/access/invite",
    "POST /console/access/invite",
    f"GET /console/access/{_HOLDER}",
    f"POST /console/access/{_HOLDER}",
    "GET /v1/access",
    "POST /v1/access",
    f"GET /v1/access/{_HOLDER}",
    f"PATCH /v1/access/{_HOLDER}",
    f"DELETE /v1/access/{_HOLDER}",
    f"POST /v1/access/{_HOLDER}/invitation",
    f"DELETE /v1/access/{_HOLDER}/invitation",
    "GET /v1/access/sessions",
    "DELETE /v1/access/sessions/<session>",
)
_ACCOUNT = (
    "GET /console/account",
    "GET /console/account/renewal",
    "POST /console/account/passkeys",
    "POST /console/account/passkeys/remove",
    "POST /console/account/sessions/end",
)
_EXPORT = (
    "POST /v1/person-export/registration",
    "GET /console/registrations/person-export",
    "GET /console/registrations/person-export.js",
)
_BULLETIN = "/v1/bulletins/<uuid:bulletin_id>"
_PAGE = "/console/mail/bulletins/<uuid:bulletin_id>"
_ACROSS_MAILS = (
    "GET /console/mail",
    "GET /console/mail/not-notified",
    "GET /console/mail/not-notified/send-again",
    "POST /console/mail/not-notified/send-again",
    "GET /console/mail/bulletins/new",
    "POST /console/mail/bulletins",
    f"GET {_PAGE}",
    f"POST {_PAGE}",
    f"GET {_PAGE}/change",
    f"POST {_PAGE}/discard",
    f"POST {_PAGE}/send",
    f"POST {_PAGE}/cancel",
    f"POST {_PAGE}/stop",
    f"POST {_PAGE}/test",
    f"GET {_PAGE}/outcome",
    "GET /console/mail/bulletins/outcome.js",
    "POST /console/mail/bulletins/new",
    "GET /v1/bulletins",
    "POST /v1/bulletins",
    f"GET {_BULLETIN}",
    f"PATCH {_BULLETIN}",
    f"DELETE {_BULLETIN}",
    f"POST {_BULLETIN}/preview",
    f"POST {_BULLETIN}/send",
    f"POST {_BULLETIN}/cancel",
    f"POST {_BULLETIN}/stop",
    f"POST {_BULLETIN}/test",
    f"GET {_BULLETIN}/outcome",
    f"GET {_BULLETIN}/mails",
    "GET /v1/service-audit/notifications",
    "POST /v1/person-export/notifications",
    "GET /v1/webhooks",
    "POST /v1/webhooks",
    "GET /v1/webhooks/<uuid:webhook_id>",
    "PATCH /v1/webhooks/<uuid:webhook_id>",
    "DELETE /v1/webhooks/<uuid:webhook_id>",
    "POST /v1/webhooks/<uuid:webhook_id>/secret",
    "GET /v1/webhooks/<uuid:webhook_id>/deliveries",
    "GET /v1/suppressions",
    "POST /v1/suppressions",
    "DELETE /v1/suppressions/<string:person_ref>",
)

REACH_OF = {
    "events": REACH,
    "registration": dict.fromkeys((*_OWN_FORM, *_OWN_DRAFT, *_DRAFT_PAGES, *_IMPORTS), OWN_EVENT)
    | dict.fromkeys(_OWN_FORMS_ALONE, FILTERED)
    | {f"POST {_REGISTRATION}/sealed": HIDDEN}
    | dict.fromkeys(_SEALED_HIDDEN, HIDDEN)
    | dict.fromkeys(
        ("GET /console/registrations/sealed-lists/style.css", "GET /console/registrations/form-draft.js"), NOTHING
    )
    | dict.fromkeys(
        (
            "GET /v1/service-audit/registration",
            "GET /v1/audit-log",
            "GET /console/audit-log",
            "GET /console/audit-log.csv",
        ),
        REFUSED,
    )
    | dict.fromkeys((*_OWN_PARTNER, *_ACCOUNT, *_VIEWS), NOTHING)
    | dict.fromkeys((*_BLOCKED, *_EXPORT, *_PARTNERS, *_ACCESS, "GET /console/registrations/write"), REFUSED),
    "notifications": dict.fromkeys(_ACROSS_MAILS, REFUSED)
    | {"GET /v1/mails": FILTERED, "GET /v1/mails/<uuid:mail_id>": HIDDEN},
}
"""The same of every service."""
