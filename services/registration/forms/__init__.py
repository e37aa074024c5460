"""Forms: definitions, settings and history, seats, partners, and the copies of events and working groups they need."""
