"""``troika recover``: makes databases that were restored from backups of different times agree again."""
