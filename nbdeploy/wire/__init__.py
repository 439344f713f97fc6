"""What an endpoint and its clients agree on: routes, shapes, statuses, and a client that keeps its token to itself."""
