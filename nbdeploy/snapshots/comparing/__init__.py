"""Snapshots side by side: what differs, which rows they answer differently, and which of them is better."""
