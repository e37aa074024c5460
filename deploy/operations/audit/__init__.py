"""The audit: reads the databases by SQL alone, and reports whether their contents agree. Never writes anything."""
