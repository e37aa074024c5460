"""HTTP for every service: the application, access by key, admission control, problems, caching, OpenAPI."""
