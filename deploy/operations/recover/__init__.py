"""``troika recover``: makes databases consistent that were restored from backups of different times."""
