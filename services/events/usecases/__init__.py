"""What the events service can be asked to do: one verb a file. A use case opens the only transaction."""
