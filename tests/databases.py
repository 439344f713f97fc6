"""Databases as their own drivers see them."""

from __future__ import annotations

import contextlib
import sqlite3
from typing import Any

import duckdb
import psycopg

__all__ = ["ask", "tell"]


def tell(url: str, *statements: str) -> None:
    """Run statements, and commit."""
    with contextlib.closing(_connected(url)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def ask(url: str, sql: str) -> list[tuple[Any, ...]]:
    """Return what a query answers."""
    with contextlib.closing(_connected(url)) as connection:
        return [tuple(row) for row in connection.execute(sql).fetchall()]


def _connected(url: str) -> Any:
    kind, _, place = url.partition(":///")
    if kind == "sqlite":
        return sqlite3.connect(place)
    if kind == "duckdb":
        connection = duckdb.connect(place)
        connection.begin()
        return connection
    return psycopg.connect(url)
