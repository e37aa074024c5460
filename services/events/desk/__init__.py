"""What coordinators do with events: list, create, change, preview, annotate."""
