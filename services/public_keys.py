"""Public keys: what one service encrypts for another. Each service declares the keys that it holds itself."""

from shared.security.keys import KeyKind, KeyRule

NOTIFICATIONS_PUBLIC = KeyKind(
    "notifications-public",
    "TROIKA_NOTIFICATIONS_PUBLIC_KEY",
    "data that only notifications may read is sealed to it",
    KeyRule.CURRENT,
    "Notifications could not open what is encrypted for it: no one would get a mail.",
)
EVENTS_PUBLIC = KeyKind(
    "events-public",
    "TROIKA_EVENTS_PUBLIC_KEY",
    "proposals of side events are sealed to it",
    KeyRule.CURRENT,
    "Events could not open what is encrypted for it: no proposal would reach the coordinators.",
)
REGISTRATION_PUBLIC = KeyKind(
    "registration-public",
    "TROIKA_REGISTRATION_PUBLIC_KEY",
    "notes to proposers are sealed to it",
    KeyRule.CURRENT,
    "Registration could not open what is encrypted for it: proposers would not see what was decided.",
)
