"""What everyone may see without a key: the programme in six languages, and calendars to subscribe to."""
