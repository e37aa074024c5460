"""Events: owns series, events, working groups and consultations.

Publishes changes of events, working groups, hotels, resources and decisions about proposals. Consumes registrations,
sent mails and copies of forms, from which it keeps counts, pseudonymous rosters and the coverage of working groups for
coordinators, and the buttons of the public pages.
"""
