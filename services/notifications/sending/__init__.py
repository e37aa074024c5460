"""Sending: hands due mails to the relay. Only the sender decrypts addresses; no transaction is open during SMTP."""
