"""vetiver's API, with its check of each request against a prototype."""

import json
import os

import joblib
import pandas as pd
import uvicorn
from vetiver import VetiverAPI, VetiverModel

model = joblib.load(os.environ["MODEL"])
row = pd.DataFrame(json.loads(os.environ["RECORDS"]))
app = VetiverAPI(VetiverModel(model, "model", prototype_data=row)).app

if __name__ == "__main__":
    uvicorn.run(app, port=int(os.environ["PORT"]), log_level="warning")
