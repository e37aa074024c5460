"""What services may say to each other: one closed table of message types, their schemas and frozen samples."""
