"""Sealed answers of many people for one purpose: opened for a reason, logged once, until they expire."""
