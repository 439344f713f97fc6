"""The snapshot store: a log of immutable facts in a folder or an object store."""

from nbdeploy.store.store import Store, Version

__all__ = ["Store", "Version"]
