"""Everything on one machine: for a first try, for development, and for the tests."""
