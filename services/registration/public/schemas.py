"""Shapes of requests and answers, for checking and for the OpenAPI document."""

import marshmallow as ma


class FieldOptionSchema(ma.Schema):
    """A choice."""

    value = ma.fields.String(required=True)
    label = ma.fields.String(required=True)


class FormFieldSchema(ma.Schema):
    """One question."""

    name = ma.fields.String(required=True)
    kind = ma.fields.String(required=True)
    label = ma.fields.String(required=True)
    help = ma.fields.String()
    required = ma.fields.Boolean()
    sealed = ma.fields.Boolean(metadata={"description": "Stored encrypted and read by named people only"})
    options = ma.fields.List(ma.fields.Nested(FieldOptionSchema))
    shown_when = ma.fields.Dict(keys=ma.fields.String())
    min = ma.fields.Raw()
    max = ma.fields.Raw()
    autocomplete = ma.fields.String()
    not_before = ma.fields.String(metadata={"description": "Name of a date that this one may not come before"})
    lines_of = ma.fields.String(metadata={"description": "Name of a text of which this one repeats some lines"})


class ProofAskedSchema(ma.Schema):
    """Where a form gives out tasks. A solved one lets the mail go sooner when many wait; it is never required."""

    challenge = ma.fields.String(required=True, metadata={"description": "Path of a new challenge"})


class ChallengeQuery(ma.Schema):
    """Query of a challenge."""

    form = ma.fields.String(required=True, validate=ma.validate.Length(max=80), metadata={"description": "Its slug"})


class FormSchema(ma.Schema):
    """A form as the public sees it."""

    slug = ma.fields.String(required=True)
    kind = ma.fields.String(required=True)
    version = ma.fields.Integer(required=True)
    language = ma.fields.String(required=True)
    direction = ma.fields.String(required=True)
    title = ma.fields.String(required=True)
    intro = ma.fields.String()
    event = ma.fields.String(allow_none=True)
    open = ma.fields.Boolean(required=True)
    seats = ma.fields.String(
        required=True, metadata={"enum": ["open", "waiting-list", "full", "closed"], "description": "Never a number"}
    )
    verification = ma.fields.String(
        required=True,
        metadata={
            "enum": ["email", "none"],
            "description": "`email`: the owner of the address confirms by mail; `none`: the receipt has the outcome",
        },
    )
    proof_of_work = ma.fields.Nested(ProofAskedSchema, required=True)
    fields = ma.fields.List(ma.fields.Nested(FormFieldSchema), required=True)  # type: ignore[assignment]


class FormQuery(ma.Schema):
    """Query of a form."""

    lang = ma.fields.String(load_default="", validate=ma.validate.Length(max=35))


class ReceiptSchema(ma.Schema):
    """The answer to a submission: it is stored. The same for everybody, whoever is registered."""

    receipt = ma.fields.String(required=True, metadata={"description": "Opens its receipt for eight days"})
    code = ma.fields.String(
        required=True, metadata={"description": "Four characters by which the sender recognises their own answers"}
    )
    status = ma.fields.String(required=True, metadata={"enum": ["received"]})
    message = ma.fields.String(required=True, metadata={"description": "A sentence for the person, in their language"})
    next = ma.fields.String(required=True, metadata={"description": "What happens next, in their language"})


class CalendarLinksSchema(ma.Schema):
    """Addresses that add the event to a calendar."""

    file = ma.fields.String(required=True, metadata={"description": "An .ics file with the entry of the invitation"})
    google = ma.fields.String(required=True, metadata={"description": "Google Calendar"})
    outlook = ma.fields.String(required=True, metadata={"description": "Outlook.com"})
    office = ma.fields.String(required=True, metadata={"description": "Outlook for work or school"})


class ReceiptStateSchema(ma.Schema):
    """What has become of a submission."""

    form = ma.fields.String(required=True)
    code = ma.fields.String(required=True)
    status = ma.fields.String(
        required=True,
        metadata={
            "enum": ["received", "check-your-mail", "confirmed", "waitlisted", "full", "option-full", "closed"],
            "description": "With verification by mail it stays `check-your-mail`",
        },
    )
    received_at = ma.fields.AwareDateTime(format="iso", required=True)
    calendar = ma.fields.Nested(
        CalendarLinksSchema,
        allow_none=True,
        metadata={"description": "null unless `confirmed`, for an event that people attend and that has a date"},
    )


class SubmissionSchema(ma.Schema):
    """The answers by field name, as ``GET /v1/forms/{slug}`` names them, and what travels beside them."""

    class Meta:
        unknown = ma.INCLUDE

    name = ma.fields.String(metadata={"description": "Required on every form but those of kind ``interest``"})
    email = ma.fields.Email(required=True)
    partner = ma.fields.String(metadata={"description": "Slug of the partner whose page it came through"})
    lang = ma.fields.String(metadata={"description": "Language of the answer and the mails"})
    altcha = ma.fields.String(
        metadata={"description": "A solved challenge, base64 of JSON; optional, it lets the mail go sooner"}
    )
