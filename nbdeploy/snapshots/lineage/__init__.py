"""Where a snapshot comes from: notebook, cells, commit and data."""

from nbdeploy.snapshots.lineage.tracing import Lineage, trace

__all__ = ["Lineage", "trace"]
