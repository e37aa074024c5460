"""Events: owns series, events, working groups and consultations.

Publishes, through the outbox (:mod:`shared.messaging.outbox`), changes of events, working groups, hotels, resources and
decisions about proposals. Consumes, each message once by the inbox (:mod:`shared.messaging.inbox`), registrations, sent
mails and copies of forms, from which it keeps counts, pseudonymous rosters and the coverage of working groups for
coordinators, and the buttons of the public pages.

An erasure begins in registration (``services/registration/privacy/erasure.py``); when its message arrives, events
erases what it keeps about that person.
"""
