"""The snapshot store: a log of immutable facts in a folder or an object store."""

from nbdeploy.store.garbage import GRACE, Collected
from nbdeploy.store.store import Store
from nbdeploy.store.version import Removal, Version

__all__ = ["GRACE", "Collected", "Removal", "Store", "Version"]
