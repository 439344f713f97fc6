"""Numbered JSON documents below a folder. One is never changed, and a number never means another one."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from nbdeploy.errors import Corrupted, NotFound
from nbdeploy.store.objects import Objects

__all__ = ["Facts"]

_FACT = re.compile(r"([0-9]{8})\.json")


class Facts:
    """The facts of one kind about one thing: the versions of a model, the moves of an alias.

    Parameters
    ----------
    objects : Objects
        Where they are kept.
    folder : str
        The folder they are below.
    subject : str
        What they are about, for messages.
    """

    def __init__(self, objects: Objects, folder: str, subject: str) -> None:
        self._objects = objects
        self._folder = folder
        self._subject = subject

    def numbers(self) -> list[int]:
        """Numbers that are taken, in order. What is no fact is nothing of ours."""
        found = (_FACT.fullmatch(path) for path in self._objects.below(self._folder))
        return sorted(int(match[1]) for match in found if match)

    def next(self) -> int:
        """Return the number after the last."""
        return max(self.numbers(), default=0) + 1

    def raw(self, number: int) -> bytes:
        """Return the bytes of a fact: empty if its writer took the number and was killed.

        Raises
        ------
        NotFound
            If the number is not taken.
        """
        return self._objects.read(self._path(number))

    def get(self, number: int) -> dict[str, Any] | None:
        """Return a fact; None if the number is free, or its writer took it and was killed.

        Raises
        ------
        Corrupted
            If it is no JSON object.
        """
        try:
            content = self.raw(number)
            document = json.loads(content) if content else None
        except NotFound:
            return None
        except ValueError as error:
            raise self.damaged(number, error) from error
        if document is not None and not isinstance(document, dict):
            raise self.damaged(number, "not an object")
        return document

    def create(self, number: int, content: bytes) -> bool:
        """Write a fact unless the number is taken; return whether this call wrote it."""
        return self._objects.create(self._path(number), content)

    def state(self, number: int, document: Mapping[str, Any]) -> bool:
        """Write a fact unless the number is taken; return whether it is there as stated.

        A write that was repeated because its answer got lost finds itself, and counts as done.
        """
        content = json.dumps(document).encode()
        return self.create(number, content) or self.raw(number) == content

    def add(self, document: Mapping[str, Any]) -> int:
        """Write a fact under the next number, and return that."""
        while not self.state(number := self.next(), document):
            pass
        return number

    def damaged(self, number: int, why: object) -> Corrupted:
        """Return the error that says of a fact that it cannot be read."""
        place = f"{self._objects.url}/{self._path(number)}"
        return Corrupted(f"record {number} of {self._subject} is damaged: {place}: {why}", path=place)

    def _path(self, number: int) -> str:
        return f"{self._folder}/{number:08d}.json"
