"""The frame of the coordinators' pages, the same around the pages of every service. It works without script."""
