"""The service's HTTP routes: programs' operations and people's pages."""
