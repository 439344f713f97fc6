"""FastAPI and joblib, as it is written by hand."""

import os

import joblib
import numpy as np
import pandas as pd
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

model = joblib.load(os.environ["MODEL"])
app = FastAPI()


class Table(BaseModel):
    rows: list[list[float]]


class Records(BaseModel):
    rows: list[dict[str, str | float | None]]


@app.post("/predict")
async def predict(table: Table):
    return {"predictions": model.predict(np.array(table.rows)).tolist()}


@app.post("/predict-records")
async def predict_records(table: Records):
    return {"predictions": model.predict(pd.DataFrame(table.rows)).tolist()}


if __name__ == "__main__":
    uvicorn.run(app, port=int(os.environ["PORT"]), log_level="warning")
