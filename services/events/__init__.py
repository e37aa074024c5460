"""Events: owns series, events, working groups and consultations.

Says when an event or a working group changes; hears what becomes of registrations, which mails went out and which
forms are open, from which it keeps counts, pseudonymous rosters and the coverage of working groups for coordinators,
and the buttons of the public pages.
"""
