"""`make up`: the production shape on one machine: RabbitMQ, one process per role, the gateway and Prometheus.

In a large installation systemd and separate machines do this; here a small supervisor does.
"""
