"""PostgreSQL: connections, transactions, rights, migrations, readiness, quarantine, cleanup."""
