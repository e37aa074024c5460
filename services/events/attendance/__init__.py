"""Who attends events: rosters, counts, tallies, contacts by mail, erasure."""
