"""Questions about everything: the overview, clashes, missing translations, and one person's data."""
