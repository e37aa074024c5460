"""Tracking: what became of mails, people who were not notified, and sending mails again."""
