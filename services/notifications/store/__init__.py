"""Statements on the notifications service's database; nothing here decides, opens or ends a transaction."""
