"""Snapshots in the form that other tools start from."""
