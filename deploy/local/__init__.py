"""Everything on one machine: for a first look, for development, and for the tests."""
