"""Snapshots: a live model captured, rehearsed in a clean process, compared, and only then stored."""
