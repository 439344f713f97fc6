"""Bundles: models at rest, each a folder that is a valid MLflow model too."""

from nbdeploy.bundles.arriving import unpacked
from nbdeploy.bundles.bundle import Bundle

__all__ = ["Bundle", "unpacked"]
