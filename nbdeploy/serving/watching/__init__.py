"""What can be seen of an endpoint at work: metrics, logs, traces."""
