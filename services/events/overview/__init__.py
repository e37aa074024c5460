"""Queries over all features: the overview, clashes, missing translations, and one person's data."""
