"""Messages: the table of message types, outbox and relay, consumers and inbox, on RabbitMQ or on PostgreSQL."""
