"""Composes mails: a context goes in, a message comes out. No SQL, no broker, no Flask."""
