"""What the routes of each service do with a key that is limited to some forms. A new route has to say it here."""

REFUSED = "refused"
"""What is shown or done reaches across all forms: no such key opens it, whatever its roles."""
FILTERED = "filtered"
"""It shows what everybody may see, and of the rest what belongs to the key's own forms."""
OWN_EVENT = "own event only"
"""It is about one event, form or resource: opened where that, or all that a resource stands on, is the key's own."""
HIDDEN = "as if it were not there"
"""It is about one person or mail: not to be found, unless it belongs to one of the key's own forms."""
NOTHING = "nothing of anybody"
"""It shows and changes nothing that belongs to a form."""

_STEPS = "any(announce, confirm, postpone, reschedule, cancel, revive, hold)"
_VERBS = ("accept", "decline", "return", "suggestion/adopt", "suggestion/dismiss")
_REFUSED = (
    "GET /console/geneva",
    "GET /console/groups",
    "GET /console/overview",
    "GET /console/translations",
    "GET /console/side-events",
    "POST /console/side-events/<uuid:proposal_id>",
    "POST /console/side-events/<uuid:proposal_id>/suggestion",
    "GET /console/timetable",
    "GET /console/timetable/<uuid:proposal_id>",
    "POST /console/timetable/<uuid:proposal_id>",
    "POST /console/timetable/publish",
    "POST /console/timetable/schedule",
    "GET /console/trail",
    "GET /v1/consultations",
    "GET /v1/hotels",
    "GET /v1/overview",
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
    "GET /v1/trail/events",
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
    "PATCH /v1/resources/<resource_id>",
)
# The three of /v1 are public; with a key they show more.
_FILTERED = ("GET /console", "GET /v1/events", "GET /v1/events/<event_id>", "GET /v1/resources")
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
    f"POST {_PERSON}/erasure",
    "PATCH /v1/forms/<slug>",
    "GET /v1/forms/<slug>/history",
    f"GET {_REGISTRATION}",
    f"PATCH {_REGISTRATION}",
    f"DELETE {_REGISTRATION}",
    f"GET {_REGISTRATION}/erasure",
    f"POST {_REGISTRATION}/erasure",
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
_OWN_FORMS_ALONE = (
    "POST /console/registrations/marked",
    "GET /v1/form-drafts",
    "GET /console/registrations",
    "GET /console/registrations.csv",
    "GET /console/registrations/forms",
    "GET /v1/forms",
    "GET /console/registrations/partners",
    "GET /console/registrations/partners/<slug>",
    "GET /v1/partners",
    "GET /v1/partners/<slug>",
    "GET /v1/registrations",
    "GET /v1/sealed-readings",
)
_PARTNER = "/console/registrations/partners/<slug>"
_PARTNERS = (
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
_BLOCKED = (
    "GET /v1/blocked-addresses",
    "POST /v1/blocked-addresses",
    "DELETE /v1/blocked-addresses/<uuid:blocked_id>",
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
    "GET /v1/bulletins",
    "POST /v1/bulletins",
    f"GET {_BULLETIN}",
    f"PATCH {_BULLETIN}",
    f"DELETE {_BULLETIN}",
    f"POST {_BULLETIN}/preview",
    f"POST {_BULLETIN}/send",
    "GET /console/mail/trail",
    "GET /v1/trail/notifications",
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
    "registration": dict.fromkeys((*_OWN_FORM, *_OWN_DRAFT, *_DRAFT_PAGES), OWN_EVENT)
    | dict.fromkeys(_OWN_FORMS_ALONE, FILTERED)
    | {f"POST {_REGISTRATION}/sealed": HIDDEN}
    | dict.fromkeys(("GET /console/registrations/trail", "GET /v1/trail/registration"), REFUSED)
    | dict.fromkeys(_OWN_PARTNER, NOTHING)
    | dict.fromkeys((*_BLOCKED, *_EXPORT, *_PARTNERS), REFUSED),
    "notifications": dict.fromkeys(_ACROSS_MAILS, REFUSED)
    | {"GET /v1/mails": FILTERED, "GET /v1/mails/<uuid:mail_id>": HIDDEN},
}
"""The same of every service."""
