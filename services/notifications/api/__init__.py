"""HTTP of the notifications service: routes and the shapes of requests and answers."""
