"""The frame around processes."""
