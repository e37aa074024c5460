"""What the figures of the documentation come from. Not run by the tests: a timing is a benchmark, not a timed test."""
