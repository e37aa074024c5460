"""How moments are written for people, the same on every page and in every mail."""
