"""PostgreSQL as every service uses it: engine, unit of work, outbox, inbox, migrations."""
