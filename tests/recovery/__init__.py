"""Rehearsals of recovery with real tools; `make test-recovery` runs them."""
