"""Backups by pgBackRest, restore, drill, and the archive of the keys, which is kept apart from all of them."""
