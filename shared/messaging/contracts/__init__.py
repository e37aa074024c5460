"""Message contracts: one closed table of message types, their schemas and frozen samples."""
