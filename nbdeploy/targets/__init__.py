"""Remote places that serve snapshots, one adapter per kind."""

from nbdeploy.targets.target import TARGETS, Target, connect

__all__ = ["TARGETS", "Target", "connect"]
