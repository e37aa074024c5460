"""How the services are put to work; nothing here is imported by them."""
