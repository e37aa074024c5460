"""Tracking: the outcome of mails, people who were not notified, and sending mails again."""
