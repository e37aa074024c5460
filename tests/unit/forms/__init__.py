"""The form engine and its pages, without a server."""
