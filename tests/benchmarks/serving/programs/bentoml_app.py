"""A BentoML service; ``bentoml serve bentoml_app:Served`` runs it."""

import os

import bentoml
import joblib
import numpy as np
import pandas as pd


@bentoml.service
class Served:
    def __init__(self):
        self.model = joblib.load(os.environ["MODEL"])

    @bentoml.api
    def predict(self, rows: np.ndarray) -> list:
        return self.model.predict(rows).tolist()

    @bentoml.api
    def predict_records(self, rows: list[dict]) -> list:
        return self.model.predict(pd.DataFrame(rows)).tolist()
