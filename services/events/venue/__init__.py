"""Where and when side events can be: rooms and slots."""
