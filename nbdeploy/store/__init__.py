"""The snapshot store: a log of immutable facts in a folder or an object store."""

from nbdeploy.store.store import Store
from nbdeploy.store.version import Version

__all__ = ["Store", "Version"]
