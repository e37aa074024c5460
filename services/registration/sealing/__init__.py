"""Sealed answers, the keys that open them, and the log of who has read them."""
