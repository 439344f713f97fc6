"""Answers kept, so that the same question to the same snapshot is worked out once. Off unless asked for.

What is kept is named by the snapshot's digest, the methods and the bound rows: nothing that could change an answer is
left out, so nothing has to be thrown away when another version serves.
"""

from nbdeploy.serving.cache.kept import MOST_ROWS, Answers
from nbdeploy.serving.cache.places import Place, place_of

__all__ = ["MOST_ROWS", "Answers", "Place", "place_of"]
