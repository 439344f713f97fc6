"""Live views of something that takes a while, for a notebook and for a terminal."""

from nbdeploy.widgets.events import json_progress
from nbdeploy.widgets.progress import is_watched, notebook_progress, progress_for, terminal_progress

__all__ = ["is_watched", "json_progress", "notebook_progress", "progress_for", "terminal_progress"]
