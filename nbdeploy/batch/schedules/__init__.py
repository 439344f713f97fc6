"""Schedules of runs."""
