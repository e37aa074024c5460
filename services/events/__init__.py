"""Events: owns series, events, working groups and consultations.

Says when an event or a working group changes; hears what becomes of registrations and which mails went out, from
which it keeps counts, pseudonymous rosters and the coverage of working groups for coordinators.
"""
