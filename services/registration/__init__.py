"""Registration: owns forms, partners, registrations, seats and waiting lists.

Says what became of each registration; hears events and working groups, of which it keeps its own copy, so that forms
work while the events service is down.
"""
