"""KServe's Python server."""

import os

import joblib
import numpy as np
import pandas as pd
from kserve import Model, ModelServer


class Served(Model):
    def __init__(self):
        super().__init__("model")
        self.model = joblib.load(os.environ["MODEL"])
        self.ready = True

    def predict(self, payload, headers=None, response_headers=None):
        rows = payload["instances"]
        table = pd.DataFrame(rows) if isinstance(rows[0], dict) else np.array(rows)
        return {"predictions": self.model.predict(table).tolist()}


if __name__ == "__main__":
    ModelServer(http_port=int(os.environ["PORT"]), enable_grpc=False, workers=1).start([Served()])
