"""What can be done with registrations: one verb a file, each opening the only transaction of its work."""
