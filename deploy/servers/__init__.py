"""How the servers that we do not write are run privately: RabbitMQ and PostgreSQL, for `make up` and for the tests."""
