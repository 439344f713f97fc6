"""Bundles: models at rest, each a folder that is a valid MLflow model too."""

from nbdeploy.bundles.arriving import unpacked
from nbdeploy.bundles.bundle import Bundle
from nbdeploy.bundles.trust import Trust

__all__ = ["Bundle", "Trust", "unpacked"]
