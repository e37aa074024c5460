"""Statements on the registration service's database; nothing here decides, opens or ends a transaction."""
