"""Messages on their way: pika writes, kombu reads, on RabbitMQ or on a table in PostgreSQL."""
