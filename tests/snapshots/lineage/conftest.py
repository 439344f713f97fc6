"""The notebook of these tests."""

from tests.snapshots.lineage.notebooks import notebook

__all__ = ["notebook"]
