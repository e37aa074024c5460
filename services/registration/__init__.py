"""Registration: owns forms, partners, registrations, seats and waiting lists.

Publishes the outcome of each registration and what each form is; consumes events and working groups, of which it keeps
its own copy, so that forms work while the events service is down.
"""
