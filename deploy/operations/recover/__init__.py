"""``troika recover``: makes databases agree again that were restored from backups of different times."""
