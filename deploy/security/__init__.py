"""The statements about safety, the tests that show them, and the list of what the system is made of."""
