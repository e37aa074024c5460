"""The first steps of a new installation: what is set up already, and what comes next."""
