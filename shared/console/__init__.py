"""The console: the frame around the coordinators' pages of every service. It works without script."""
