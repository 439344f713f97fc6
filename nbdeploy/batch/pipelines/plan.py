"""Which steps of a pipeline may begin, and which never will: nothing here runs or reads anything."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

from nbdeploy.batch.record import FINAL, SUCCEEDED

__all__ = ["Plan"]


@dataclass(frozen=True)
class Plan:
    """The steps of a pipeline, and what each needs.

    Attributes
    ----------
    needs : mapping of str to collection of str
        Steps that must have succeeded before each.

    Examples
    --------
    >>> plan = Plan({"report": ["train"], "train": []})
    >>> plan.ready({}), plan.ready({"train": "running"}), plan.ready({"train": "succeeded"})
    (['train'], [], ['report'])
    """

    needs: Mapping[str, Collection[str]]

    def cycle(self) -> list[str]:
        """Steps that wait for each other in a circle, the first one also last; empty if there is no circle."""
        try:
            TopologicalSorter(self.needs).prepare()
        except CycleError as error:
            return [str(step) for step in reversed(error.args[1])]
        return []

    def ready(self, statuses: Mapping[str, str]) -> list[str]:
        """Steps that may begin.

        Parameters
        ----------
        statuses : mapping of str to str
            The statuses of the steps that have begun.
        """
        return [
            step
            for step, needs in self.needs.items()
            if step not in statuses and all(statuses.get(each) == SUCCEEDED for each in needs)
        ]

    def over(self, statuses: Mapping[str, str]) -> bool:
        """Whether nothing goes on and nothing will."""
        return all(status in FINAL for status in statuses.values()) and not self.ready(statuses)

    def kept(self, statuses: Mapping[str, str], changed: Collection[str] = ()) -> set[str]:
        """Steps that need not be repeated when the pipeline goes on.

        Those are all that have not failed and have not changed since, unless they need one that is repeated: what they
        made was made of something else.

        Parameters
        ----------
        statuses : mapping of str to str
            How far the steps came that have begun.
        changed : collection of str
            Steps that are other ones by now.
        """
        kept = {
            step
            for step, status in statuses.items()
            if step in self.needs and step not in changed and (status == SUCCEEDED or status not in FINAL)
        }
        while True:
            orphans = {step for step in kept if not kept.issuperset(self.needs[step])}
            if not orphans:
                return kept
            kept -= orphans
