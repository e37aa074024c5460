"""The audit: reads the databases by SQL alone, and says whether what they hold adds up. Never writes anything."""
