"""A target as Python users hold it: references and tables in, results out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from nbdeploy.api.references import open_store, resolve
from nbdeploy.errors import InvalidData
from nbdeploy.settings import Settings
from nbdeploy.types import Report, ignore_progress

if TYPE_CHECKING:
    from nbdeploy import targets
    from nbdeploy.targets.logged import LoggedRows
    from nbdeploy.targets.results import CallResult, Push, TargetStatus, Undeployed
    from nbdeploy.wire.messages import CheckAnswer, FeedbackAnswer, Truth

__all__ = ["Target"]


class Target:
    """A remote place that serves snapshots. Made by :func:`nbdeploy.connect`.

    Attributes
    ----------
    name, url : str
        Its name and address.
    headers : dict of str to str
        What a client of your own has to send to enter: the bearer token, if there is one.
    """

    def __init__(self, adapter: targets.Target, settings: Settings) -> None:
        self._adapter = adapter
        self._settings = settings
        self.name = adapter.name
        self.url = adapter.url

    @property
    def headers(self) -> dict[str, str]:
        """The headers of a request that may enter."""
        return self._adapter.headers

    def push(
        self, ref: str, deployment: str | None = None, *, new: bool = False, progress: Report = ignore_progress
    ) -> Push:
        """Upload what the target lacks of a snapshot, serve it, and return when it answers.

        Parameters
        ----------
        ref : str
            The snapshot.
        deployment : str, optional
            The name to serve it under; the model's name by default.
        new : bool
            Whether a deployment may be made whose name is not the model's.
        """
        store = open_store(self._settings)
        return self._adapter.push(store, resolve(store, ref, self._settings), deployment, new, progress)

    def status(self) -> TargetStatus:
        """Say what serves there; falsy if the target is not healthy."""
        return self._adapter.status()

    def call(self, deployment: str, data: Any = None, method: str | None = None) -> CallResult:
        """Get predictions with the version that made them; of the snapshot's sample if there is no data."""
        rows = self._adapter.sample(deployment) if data is None else data
        if data is None and not rows.height:
            raise InvalidData(
                f"{self.name}/{deployment} serves a snapshot that keeps no rows (--sample none), so there is nothing "
                "to ask it: give rows, as a table or a file"
            )
        return self._adapter.predict(deployment, rows, method)

    def predict(self, deployment: str, data: Any, method: str | None = None) -> Any:
        """Get predictions as a table: pandas, unless the data is Polars or Arrow.

        Parameters
        ----------
        deployment : str
            Who is asked.
        data : table of shape (n, k)
            Rows as the model takes them.
        method : str, optional
            The method to answer with; the snapshot's default one if not given.
        """
        from nbdeploy.codecs.frames import like

        return like(data, self._adapter.predict(deployment, data, method).frame)

    def requests(
        self, deployment: str, since: timedelta | None = None, until: timedelta | None = None, **wanted: Any
    ) -> LoggedRows:
        """Return rows that a deployment was asked, with its answers. See :func:`nbdeploy.requests`."""
        return self._adapter.requests(deployment, since, until, **wanted)

    def feedback(self, deployment: str, truths: Sequence[Truth]) -> FeedbackAnswer:
        """Tell what came true of predictions, by their ids."""
        return self._adapter.feedback(deployment, truths)

    def check(self, deployment: str) -> CheckAnswer:
        """Have the snapshot's sample answered there, and compared with its certificate."""
        return self._adapter.check(deployment)

    def undeploy(self, deployment: str) -> Undeployed:
        """Serve a deployment no more; its snapshots stay."""
        return self._adapter.undeploy(deployment)

    def __repr__(self) -> str:
        return f"<Target {self.name} {self.url}>"
