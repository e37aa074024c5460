"""How a process of ours lives: it starts checked, answers for its health, drains on SIGTERM, and ends."""
