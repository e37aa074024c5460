"""Proposals of side events: what is proposed, decisions about it, and its speakers."""
