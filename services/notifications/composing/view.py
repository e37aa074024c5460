"""The values that the templates show of a mail context. It defuses the texts of others, not those of coordinators."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, assert_never
from urllib.parse import quote

from services.notifications.composing.model import EventCopy, MailContext, PreviousTime
from services.notifications.composing.texts import Wording, defuse
from services.notifications.mails.kinds import (
    CANCELLED,
    DECISION_KINDS,
    INVITATION,
    KINDS,
    LIVE,
    REGISTRATIONS,
    SEATED,
    TAKING_PLACE,
)
from shared.i18n.paragraphs import Piece, pieces_of, plain_text, safe_link, written_line
from shared.i18n.when import Period, TimeLine, known_zone, place_text, time_lines
from shared.vocabulary.form_kinds import IN_CALENDARS


def personal_link(context: MailContext) -> str:
    """Return the link to the recipient's own page. Opening it changes nothing, because mail scanners open links."""
    return _page(context, "r", context.recipient.token)


def confirmation_link(context: MailContext) -> str:
    """Return the link to all that is pending for the recipient's address. Opening it changes nothing."""
    return _page(context, "c", context.recipient.token)


def view_link(context: MailContext) -> str:
    """Return the link to event, time and status of the registration, without a name."""
    return _page(context, "v", context.recipient.view)


def undo_link(context: MailContext) -> str:
    """Return the link to the page that restores a former address. Opening it changes nothing."""
    return _page(context, "r/undo", context.recipient.token)


def join_link(context: MailContext) -> str:
    """Return the link that redirects to the meeting near its time.

    The URL of the meeting appears in no mail and no calendar: both are forwarded and shared, and it can change.
    """
    return _page(context, "j", context.recipient.join)


def _page(context: MailContext, kind: str, token: str) -> str:
    return f"{context.public_url.rstrip('/')}/{kind}/{quote(token, safe='')}"


def has_meeting(event: EventCopy) -> bool:
    """Whether the event is online, at a URL that can be a link."""
    return event.mode in ("online", "hybrid") and safe_link(event.join_url) is not None


def title_of(event: EventCopy) -> str:
    """Return the title of an event, defused if it is from a proposer."""
    return written_line(event.title) if event.by_coordinators else defuse(event.title)


def place_line(event: EventCopy, words: Wording) -> str:
    """Return the place of the event in one line: place and city, or the word for online, or both."""
    place, city = ("", "") if event.mode == "online" else (event.place, event.city)
    return written_line(place_text(place, city, "" if event.mode == "in_person" else words.online, words.language))


@dataclass(frozen=True, slots=True)
class MailCard:
    """The subject of a mail: an event, a working group or a side event. ``times``: label and line of each zone."""

    title: str
    label: str = ""
    times: list[tuple[str, TimeLine]] = field(default_factory=list)
    before: TimeLine | None = None
    about: list[list[Piece]] = field(default_factory=list)
    notice: str | None = None
    place: str = ""
    link: str | None = None


def values_of(context: MailContext, words: Wording) -> dict[str, Any]:
    """Return the values for the templates, except the subject."""
    link, link_text = _link(context, words)
    joins, minor = is_joinable(context), is_joinable(context) or context.bulletin is not None
    paragraphs = _paragraphs(context, words)
    return {
        "words": words,
        "heading": _heading(context, words),
        "greeting": _greeting(context, words),
        "paragraphs": paragraphs,
        "plain": plain_text,
        "cards": _cards(context, words),
        "note": pieces_of(context.note),
        "link": join_link(context) if joins else None if minor else link,
        "link_text": words.join if joins else link_text,
        "second_link": link if minor else None,
        "second_link_text": link_text,
        "keep_private": _keep_private(context, words),
        "why": _why(context, words),
        "unsubscribe": context.unsubscribe,
        "organiser": defuse(context.organiser_name, 60),
    }


def subject_of(context: MailContext, words: Wording) -> str:
    """Return the subject line, or the heading if there is no title.

    A working group is never named: others can easily see the list of mails in a mailbox, and membership is private.
    """
    if context.bulletin is not None:
        subject = written_line(context.bulletin.subject)
        return words.test_subject.format(subject=subject) if context.is_test else subject
    title = _title(context)
    return words.subject[context.text].format(title=title) if title else words.heading[context.text]


def _title(context: MailContext) -> str:
    """Return the title of the mail's subject.

    The title of a proposal is from its proposer. It is shown only after the owner of the address has confirmed it, or a
    coordinator has read the title.
    """
    if context.event is not None:
        return title_of(context.event)
    shown = context.recipient.address_confirmed or context.kind in DECISION_KINDS
    return defuse(context.title, 120) if shown else ""


def _heading(context: MailContext, words: Wording) -> str:
    return words.heading[context.text] if context.bulletin is None else written_line(context.bulletin.subject)


def _greeting(context: MailContext, words: Wording) -> str:
    name = defuse(context.recipient.name, 60) if context.recipient.address_confirmed else ""
    return words.greeting_named.format(name=name) if name else words.greeting


def _paragraphs(context: MailContext, words: Wording) -> list[list[Piece]]:
    if context.bulletin is not None:
        text = pieces_of(context.bulletin.text)
        return [[Piece(words.test_note)], *text] if context.is_test else text
    first = words.lead[context.text]
    if context.calendar_method is not None:
        first = f"{first}{words.gap}{_on_calendar(context, words)}"
    if context.kind == INVITATION:
        first = first.format(inviter=defuse(context.title, 60))
    paragraphs = [[Piece(paragraph)] for paragraph in first.split("\n\n")]
    if context.by_coordinator:
        paragraphs.append([Piece(words.by_coordinator)])
    if context.until is not None:
        sentence = getattr(words, KINDS[context.kind].until_words)
        paragraphs.append([Piece(sentence.format(until=_instant(context.until, context, words)))])
    if context.kind != "waiting-list" or context.recipient.position is None:
        return paragraphs
    return [*paragraphs, [Piece(words.position.format(position=context.recipient.position))]]


def _instant(at: datetime, context: MailContext, words: Wording) -> str:
    """An instant in the zone of the recipient, or that of the event, or UTC."""
    own = known_zone(context.recipient.time_zone)
    zone = own.key if own is not None else context.event.time_zone if context.event is not None else "UTC"
    return time_lines(Period(at, None, zone), words.language)[0].text


def _on_calendar(context: MailContext, words: Wording) -> str:
    if context.calendar_method == "CANCEL":
        return words.calendar_removed
    if context.kind == CANCELLED:
        return words.calendar_kept
    match KINDS[context.kind].entry:
        case "moved" if context.before is not None:
            return words.calendar_moved
        case "updated":
            return words.calendar_updated
        case _:
            return words.calendar_attached


def _cards(context: MailContext, words: Wording) -> list[MailCard]:
    if context.bulletin is not None:
        return []
    if context.event is not None:
        cards = [_event_card(context, context.event, words)]
    else:
        title = _title(context) if context.recipient.proposes else written_line(context.group or "")
        cards = [MailCard(title)] if title else []
    if context.text == "confirmation-delegation" and context.attend is not None:
        cards.append(_attend_card(context, context.attend, words))
    return cards


def _event_card(context: MailContext, event: EventCopy, words: Wording) -> MailCard:
    return MailCard(
        title=title_of(event),
        times=_times(context, event, words),
        before=_before(context.before, event, words) if KINDS[context.kind].entry == "moved" else None,
        notice=_notice(context, event, words),
        place=place_line(event, words),
        about=_about(event) if _attends(context, event) else [],
    )


def _attend_card(context: MailContext, event: EventCopy, words: Wording) -> MailCard:
    link = f"{context.public_url}/programme/{quote(event.id, safe='')}?lang={words.language}"
    return MailCard(
        title=title_of(event),
        label=words.attend,
        times=_times(context, event, words),
        notice=_notice(context, event, words),
        place=place_line(event, words),
        link=link if event.status != "cancelled" else None,
    )


def _times(context: MailContext, event: EventCopy, words: Wording) -> list[tuple[str, TimeLine]]:
    """Label and line of each zone; a label may be empty. No lines if there is no date."""
    if not event.has_date or event.starts_at is None:
        return []
    labels = {"event": "", "reader": words.your_time, "utc": ""}
    period = Period(event.starts_at, event.ends_at, event.time_zone, event.city)
    lines = time_lines(period, words.language, context.recipient.time_zone)
    return [(labels[line.whose], line) for line in lines]


def _before(slot: PreviousTime | None, event: EventCopy, words: Wording) -> TimeLine | None:
    if slot is None:
        return None
    return time_lines(Period(slot.starts_at, slot.ends_at, slot.time_zone, event.city), words.language)[0]


def _notice(context: MailContext, event: EventCopy, words: Wording) -> str | None:
    """What is not settled about the event, if anything. A person who has cancelled is promised no further mail."""
    if event.status == "cancelled":
        return words.cancelled
    if _is_live(context) and not event.has_date:
        return words.date_open
    return words.tentative if _is_live(context) and event.status == "tentative" else None


def _attends(context: MailContext, event: EventCopy) -> bool:
    """Whether the mail's recipients are expected at the event, or only need the address to join."""
    return _gets_meeting(context) and event.status != "cancelled"


def _gets_meeting(context: MailContext) -> bool:
    """Whether the kind of mail gives the link to the meeting to people like this recipient."""
    match KINDS[context.kind].meeting:
        case "everyone":
            return True
        case "seated":
            return context.recipient.status == SEATED and context.recipient.form_kind in IN_CALENDARS
        case _:
            return False


def _about(event: EventCopy) -> list[list[Piece]]:
    """The summary, which may be an agenda, for those who attend; a proposer's words without links."""
    if event.by_coordinators:
        return pieces_of(event.summary)
    return [[Piece(defuse(line, len(line)))] for line in event.summary.split("\n") if line.strip()]


def is_joinable(context: MailContext) -> bool:
    """Whether the mail leads to the meeting of its event."""
    event, recipient = context.event, context.recipient
    if event is None or event.status not in TAKING_PLACE or not event.has_date:
        return False
    return _gets_meeting(context) and has_meeting(event) and bool(recipient.join)


def _link(context: MailContext, words: Wording) -> tuple[str | None, str]:
    """The link of the mail, and its label. A mail that no registration has caused contains no managing link."""
    if context.bulletin is not None:
        return view_link(context) if context.recipient.view else None, _worded("see_link", context, words)
    kind = KINDS[context.kind]
    if kind.leads_to == "own":
        return _own_link(context, words, kind.link_words)
    match kind.leads_to:
        case "confirmation":
            label = words.confirmation_link if _is_pending(context) else words.see_registrations
            return confirmation_link(context), label
        case "undo":
            return undo_link(context), words.undo_link
        case "invitation":
            return safe_link(context.recipient.token), words.invitation_link
        case "nowhere":
            return None, ""
    assert_never(kind.leads_to)


def _own_link(context: MailContext, words: Wording, label: str) -> tuple[str | None, str]:
    see_link = _worded("see_link", context, words)
    recording = safe_link(context.recording)
    if recording is not None:
        return recording, words.watch
    if not context.recipient.token:
        return view_link(context), see_link
    if label:
        return personal_link(context), getattr(words, label)
    return personal_link(context), _worded("open_link", context, words) if _is_live(context) else see_link


def _worded(name: str, context: MailContext, words: Wording) -> str:
    """A sentence about the registration, or about the proposal if it is one."""
    return str(getattr(words, f"{name}_proposal" if context.recipient.proposes else name))


def _is_pending(context: MailContext) -> bool:
    """Whether something waits for confirmation behind a confirmation link."""
    return context.recipient.form_kind != REGISTRATIONS


def _is_live(context: MailContext) -> bool:
    """Whether there is still something that the recipient could cancel."""
    return context.kind != CANCELLED and context.recipient.status in LIVE


def _keep_private(context: MailContext, words: Wording) -> str:
    if context.bulletin is not None or safe_link(context.recording) is not None:
        return ""
    match KINDS[context.kind].leads_to:
        case "nowhere":
            return ""
        case "confirmation":
            return words.keep_private_confirmation if _is_pending(context) else words.keep_private_registrations
        case "undo":
            return words.keep_private_undo
        case "invitation":
            return words.keep_private_invitation
        case "own":
            pass
    if not context.recipient.token:
        return _worded("keep_private_join" if is_joinable(context) else "keep_private_view", context, words)
    return _worded("keep_private" if _is_live(context) else "keep_private_cancelled", context, words)


def _why(context: MailContext, words: Wording) -> str:
    if context.kind == INVITATION:
        return words.why_invitation
    if context.recipient.proposes:
        return words.why_form
    if context.bulletin is not None:
        return words.why_bulletin
    return words.why if context.event is not None else words.why_form
