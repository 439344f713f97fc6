"""Rehearsing: a bundle loaded in a clean process, its answers compared, and what that process needed to do so."""
