"""Webhooks: partners are called when a registration of theirs is confirmed or cancelled."""
