"""Recipients: addresses, subscriptions, suppressions, segments, erasure, and which people an announcement concerns."""
