"""Where and when side events can be: rooms, slots, and the draft board."""
