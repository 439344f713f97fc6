"""Capturing: what a model uses of the notebook and of the files beside it, as source that stands alone."""

from nbdeploy.snapshots.capture.capture import Captured, Piece, capture

__all__ = ["Captured", "Piece", "capture"]
