"""Bulletins: one text to many people. Drafts, segments, previews, sending, outcome."""
