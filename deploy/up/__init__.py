"""`make up`: the production shape on one machine: real broker, one process per role, gateway, Prometheus with our rules.

What `systemd` and a machine each do in an installation for many people, a small supervisor does here.
"""
