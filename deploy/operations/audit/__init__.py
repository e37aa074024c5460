"""The audit: reads the databases by SQL only, and reports whether their contents agree. It never writes anything."""
