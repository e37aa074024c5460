"""What every process needs and nothing may surprise: time, identity, settings, logs, metrics, errors, keys."""
