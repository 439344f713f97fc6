"""What every kind of target can do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol

from nbdeploy.connections import Connection
from nbdeploy.plugins import Registry
from nbdeploy.types import Report, ignore_progress

if TYPE_CHECKING:
    from nbdeploy.store import Store, Version
    from nbdeploy.targets.logged import LoggedRows
    from nbdeploy.targets.results import CallResult, Push, TargetStatus, Undeployed
    from nbdeploy.wire.messages import CheckAnswer, FeedbackAnswer, Truth

__all__ = ["TARGETS", "Target", "connect"]


class Target(Protocol):
    """A remote place that serves snapshots."""

    name: str
    url: str

    @property
    def headers(self) -> dict[str, str]:
        """What a client of your own has to send to enter."""

    def push(
        self,
        store: Store,
        version: Version,
        deployment: str | None = None,
        new: bool = False,
        progress: Report = ignore_progress,
    ) -> Push:
        """Upload what the target lacks, serve the snapshot, and return when it answers.

        Parameters
        ----------
        store : Store
            Where the snapshot is.
        version : Version
            The snapshot.
        deployment : str, optional
            The name to serve it under; the model's name by default.
        new : bool
            Whether a deployment of another name may be made.
        progress : callable
            Told of bytes uploaded.
        """

    def status(self) -> TargetStatus:
        """Say what serves there. A target that cannot be reached is not healthy; that is no error."""

    def predict(self, deployment: str, data: Any, method: str | None = None) -> CallResult:
        """Predict rows in any container.

        Parameters
        ----------
        deployment : str
            Who is asked.
        data : table or Path
            pandas, Polars, Arrow, NumPy, a list of dicts or a dict of lists; or a file, its format by suffix.
        method : str, optional
            The method to answer with; the snapshot's default one if not given.
        """

    def sample(self, deployment: str) -> Any:
        """Return the rows that the served snapshot was rehearsed with, as a Polars frame."""

    def requests(
        self, deployment: str, since: timedelta | None = None, until: timedelta | None = None, **wanted: Any
    ) -> LoggedRows:
        """Return rows that a deployment was asked, with its answers.

        Parameters
        ----------
        deployment : str
            Who was asked.
        since, until : timedelta, optional
            How long ago.
        **wanted : object
            ``id`` of the request, ``version`` that answered, ``unanswered``: only what was refused or failed,
            ``where``: a condition as SQL has it, ``limit``: how many rows at most, ``spread``: these over all the time,
            and not the latest ones.
        """

    def feedback(self, deployment: str, truths: Sequence[Truth]) -> FeedbackAnswer:
        """Tell what came true of predictions."""

    def check(self, deployment: str) -> CheckAnswer:
        """Have the snapshot's sample answered, and compared with its certificate."""

    def undeploy(self, deployment: str) -> Undeployed:
        """Serve a deployment no more."""


TARGETS: Registry[Callable[[Connection], Target]] = Registry(
    "target", {"nbdeploy": "nbdeploy.targets.nbdeploy_target:NbdeployTarget"}
)


def connect(connection: Connection) -> Target:
    """Return the target that a connection leads to. Nothing is sent yet.

    Raises
    ------
    NotFound
        If there is no adapter of its kind.
    """
    return TARGETS[connection.kind](connection)
