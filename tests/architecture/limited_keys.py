"""What the routes of the events service do with a key that is limited to some forms. A new route has to say it here."""

REFUSED = "refused"
"""What is shown or done reaches across all forms: no such key opens it, whatever its roles."""
FILTERED = "filtered"
"""It shows what everybody may see, and of the rest what belongs to the key's own forms."""
OWN_EVENT = "own event only"
"""It is about one event or resource: opened where that event, or all that the resource stands on, is the key's own."""
NOTHING = "nothing of anybody"
"""It shows and changes nothing that belongs to a form."""

_STEPS = "any(announce, confirm, postpone, reschedule, cancel, revive, hold)"
_REFUSED = (
    "GET /console/geneva",
    "GET /console/groups",
    "GET /console/overview",
    "GET /console/side-events",
    "POST /console/side-events/<uuid:proposal_id>",
    "GET /console/timetable",
    "GET /console/timetable/<uuid:proposal_id>",
    "POST /console/timetable/<uuid:proposal_id>",
    "POST /console/timetable/publish",
    "POST /console/timetable/schedule",
    "GET /v1/consultations",
    "GET /v1/hotels",
    "GET /v1/overview",
    "GET /v1/proposals",
    "GET /v1/proposals/<uuid:proposal_id>",
    "PATCH /v1/proposals/<uuid:proposal_id>",
    "GET /v1/proposals/<uuid:proposal_id>/history",
    *(f"POST /v1/proposals/<uuid:proposal_id>/{verb}" for verb in ("accept", "decline", "return", "withdraw")),
    "GET /v1/schedule",
    "GET /v1/schedule/conflicts",
    "GET /v1/schedule/jobs/<uuid:job_id>",
    "PUT /v1/schedule/placements/<uuid:proposal_id>",
    "DELETE /v1/schedule/placements/<uuid:proposal_id>",
    "POST /v1/schedule/publish",
    "POST /v1/schedule/solve",
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
_NOTHING = ("GET /console/new-event", "POST /console/sign-out")

REACH = (
    dict.fromkeys(_REFUSED, REFUSED)
    | dict.fromkeys(_OWN_EVENT, OWN_EVENT)
    | dict.fromkeys(_FILTERED, FILTERED)
    | dict.fromkeys(_NOTHING, NOTHING)
)
"""What happens, by method and route."""
