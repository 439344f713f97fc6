"""Offline predictions: a table in, a table out."""

from nbdeploy.offline.predict import Predictions, predict_file, predict_table

__all__ = ["Predictions", "predict_file", "predict_table"]
