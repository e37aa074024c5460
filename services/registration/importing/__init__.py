"""Import of people from a file: read, map, check without writing anything, then register in the background."""
