"""Saves a model as MLflow does, for ``mlflow models serve``."""

import os
import sys

import joblib
import mlflow.sklearn

if __name__ == "__main__":
    mlflow.sklearn.save_model(joblib.load(os.environ["MODEL"]), sys.argv[1], serialization_format="cloudpickle")
