"""Where a snapshot comes from: notebook, cells, commit and data."""

from nbdeploy.snapshots.lineage.made import made_elsewhere
from nbdeploy.snapshots.lineage.tracing import Lineage, Past, past, trace

__all__ = ["Lineage", "Past", "made_elsewhere", "past", "trace"]
