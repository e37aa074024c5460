"""HTTP of the events service: routes and the shapes of requests and answers."""
