"""The one process that starts, watches and ends all others of an endpoint, and alone changes its state."""
