"""The description of a service's HTTP interface: for programs as OpenAPI, for people as one page."""
