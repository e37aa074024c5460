"""Rehearsals: a database is lost or older, and the installation recovers; `make test-recovery`."""
