"""Who comes to events: rosters, counts, tallies, contacts by mail, erasure."""
