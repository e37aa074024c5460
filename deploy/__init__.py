"""Deployment, operation and local demos of the services, which import nothing from here."""
