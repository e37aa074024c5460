"""Every public page of the intake in every state, filled with what tests need, hostile text included."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import get_args

from services.registration.embed.pages import FramePage, OwnForm, PageStyle, render_frame
from services.registration.embed.receipt_pages import (
    MyPage,
    ReceiptPage,
    ReceiptStatus,
    ReceivedPage,
    render_my,
    render_receipt,
    render_receipt_gone,
    render_received,
)
from services.registration.embed.strings import EventTime
from services.registration.intake.model import Result
from services.registration.own.confirmation_page import (
    CandidateResult,
    ChangeCard,
    ChoiceOption,
    ConfirmationPage,
    FormLink,
    PendingCandidate,
    RegisteredEntry,
    render_confirmation,
    render_confirmation_gone,
)
from shared.i18n.when import Period
from tests.support.own_pages import event_links, everywhere, own_pages
from tests.unit.shared.public_forms.samples import webinar

WHEN = EventTime(
    Period(datetime(2020, 3, 4, 19, 0, tzinfo=UTC), datetime(2020, 3, 4, 20, 0, tzinfo=UTC), "America/New_York")
)
STYLE = PageStyle("en")
TITLE = "UPR Webinar Wednesday #10"
ADDRESS = "participant@example.org"
RECEIPT = "r4Zk2mPq9sTv"
TOKEN = "a-token"
PATH = f"/c/{TOKEN}"
FORM_PATH = f"{PATH}/forms/upr-webinar-10"
CANDIDATES = ("0190f3f0-0000-7000-8000-000000000001", "0190f3f0-0000-7000-8000-000000000002")
REGISTRATION = "0190f3f0-0000-7000-8000-0000000000aa"
HOSTILE = (
    "\"><script>alert(1)</script><img src=x onerror='alert(1)'> https://evil.example.org \u0645\u0631\u062d\u0628\u0627"
)

CHANGES = (ChangeCard("0190f3f0-0000-7000-8000-0000000000bb", "upr-webinar-10", TITLE, WHEN, "P4ZT", WHEN),)

FRAME = FramePage(
    STYLE, webinar(), WHEN, "example-partner", "https://partner.example.org", challenge="/v1/challenge?form=f"
)
OWN_FORM = replace(FRAME, partner="", parent_origin="", challenge="", own=OwnForm(FORM_PATH, PATH, ADDRESS))
RECEIVED = ReceivedPage(STYLE, TITLE, WHEN, RECEIPT, "K7QM", ADDRESS)
RECEIPT_PAGE = ReceiptPage(STYLE, TITLE, WHEN, "webinar", "received", "K7QM")
OF_REGISTRATIONS = (
    Result.CANCELLED,
    Result.SEAT_ACCEPTED,
    Result.SEAT_DECLINED,
    Result.OFFER_ENDED,
    Result.ERASED,
    Result.EVENT_OVER,
    Result.CHANGED_CONCURRENTLY,
    Result.MAILED,
    Result.NAME_TAKEN,
    Result.RENEWED,
    Result.VERIFIED,
    Result.ADDRESS_ASKED,
    Result.ADDRESS_RESTORED,
    Result.SAME_ADDRESS,
    Result.ASKED_TOO_OFTEN,
)
"""Results of commands about registrations."""
OF_THE_DESK = (Result.BLOCKED, Result.MERGED, Result.SEAT_LOST)
"""Results of commands that coordinators give; no page of a participant shows them."""
STATUSES: tuple[ReceiptStatus, ...] = get_args(ReceiptStatus)
RESULTS = tuple(one for one in Result if one not in (*OF_REGISTRATIONS, *OF_THE_DESK))
"""What can become of a candidate."""

FIRST = PendingCandidate(
    id=CANDIDATES[0],
    form="upr-webinar-10",
    title=TITLE,
    event_time=WHEN,
    code="K7QM",
    received=Period(datetime(2020, 2, 27, 9, 30, tzinfo=UTC), None, "UTC"),
    answers=(("Your name", "A participant"), ("Questions for the speakers", "What happens in Geneva?\nAnd then?")),
    has_sealed=True,
    consents=("I agree that the organisers store what I have entered here, to prepare this event.",),
    options=(ChoiceOption("confirm"), ChoiceOption("refuse")),
)
SECOND = replace(
    FIRST,
    id=CANDIDATES[1],
    code="W3XH",
    answers=(("Your name", HOSTILE), ("Organisation", "Example Organisation"), ("Country", HOSTILE)),
    has_sealed=False,
    options=(
        ChoiceOption("keep"),
        ChoiceOption("replace", REGISTRATION, "A. B."),
        ChoiceOption("another-person"),
        ChoiceOption("refuse"),
    ),
)
RESULT = CandidateResult(Result.CONFIRMED, TITLE, WHEN, "K7QM", "webinar")
PENDING = ConfirmationPage(
    STYLE,
    PATH,
    ADDRESS,
    candidates=(FIRST, SECOND),
    registered=(RegisteredEntry(REGISTRATION, TITLE, WHEN, "confirmed", "webinar", "A. B."),),
    forms=(FormLink(TITLE, FORM_PATH),),
)


def with_results(page: ConfirmationPage, *results: Result | None) -> ConfirmationPage:
    """``page`` after choices with these results; an expired one leads to the form."""
    found = [replace(RESULT, result=one, form_path=FORM_PATH if one == Result.EXPIRED else "") for one in results]
    return replace(page, results=tuple(found))


def every_page(style: PageStyle = STYLE) -> dict[str, str]:
    """The pages by name."""
    pending = replace(PENDING, style=style)
    alone = replace(pending, candidates=(), registered=())
    pages = {
        "form": render_frame(replace(FRAME, style=style, organiser=HOSTILE, controller=HOSTILE, contact=HOSTILE)),
        "form-none": render_frame(replace(FRAME, style=style, verification="none", calendar=True)),
        "own-form": render_frame(replace(OWN_FORM, style=style)),
        "received": render_received(replace(RECEIVED, style=style, address=HOSTILE, title=HOSTILE)),
        "receipt-gone": render_receipt_gone(style),
        "confirmation": render_confirmation(pending),
        "confirmation-no-choice": render_confirmation(replace(pending, no_choice=True)),
        "confirmation-changes": render_confirmation(replace(alone, changes=CHANGES)),
        "confirmation-everything": render_confirmation(replace(pending, changes=CHANGES, no_choice=True)),
        "confirmation-processing": render_confirmation(with_results(pending, None, Result.CONFIRMED)),
        "confirmation-results": render_confirmation(with_results(replace(pending, candidates=()), *RESULTS)),
        "confirmation-late": render_confirmation(replace(with_results(pending, None), attempt=99)),
        "confirmation-muted": render_confirmation(replace(pending, muted=True, done="muted")),
        "confirmation-link-sent": render_confirmation(replace(pending, done="link-sent")),
        "confirmation-unmuted": render_confirmation(replace(alone, done="unmuted")),
        "confirmation-nothing": render_confirmation(alone),
        "confirmation-registered": render_confirmation(replace(pending, candidates=())),
        "confirmation-gone": render_confirmation_gone(style),
        "my": render_my(MyPage(style)),
        "my-sent": render_my(MyPage(style, sent=True)),
        "my-no-address": render_my(MyPage(style, address=HOSTILE, notice="address")),
        "my-busy": render_my(MyPage(style, address=ADDRESS, notice="busy")),
    }
    for status in STATUSES:
        pages[f"receipt-{status}"] = render_receipt(replace(RECEIPT_PAGE, style=style, status=status))
    pages["receipt-calendar"] = render_receipt(
        replace(RECEIPT_PAGE, style=style, status="confirmed", calendar=event_links(f"/receipts/{RECEIPT}", HOSTILE))
    )
    pages["receipt-late"] = render_receipt(replace(RECEIPT_PAGE, style=style, attempt=99))
    return pages | own_pages(style, WHEN, everywhere(HOSTILE))
