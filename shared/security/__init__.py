"""Security: what protects keys, personal data and requests."""
