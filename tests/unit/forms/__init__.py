"""The form engine and the pages made of it, without any server."""
