"""The three services. None imports another: what they know of each other came as a message."""
