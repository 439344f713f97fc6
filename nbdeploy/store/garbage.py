"""Deleting what no version reaches, while others write.

A writer puts its blobs, then its version record, then looks once more whether every blob is there, and puts the
missing ones again. A collector finds the old blobs that no version reaches, copies each into the trash, deletes
it, **then** reads the versions again, and puts back what one reaches by now; only then it empties its trash.

Say a collector deletes a blob that a version being written needs. Either the version record was written before the
collector's second look: it is seen, and the blob put back. Or it was written after it, and so after the deletion:
the writer's look, which comes after its record, finds the blob missing, and puts it again. So nothing is lost in
any order of events, whatever the grace age; that only spares blobs whose version is still to be written. A collector
that is killed leaves its trash, and the next one puts it back before it starts.

In a bucket, files of more than 64 MiB are uploaded in parts, and the parts of a killed upload are no objects: they are
in no list, and obstore cannot delete them. A rule of the bucket does: ``AbortIncompleteMultipartUpload`` on S3 and GCS,
after a day, say; Azure deletes uncommitted blocks after a week by itself.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from nbdeploy.errors import Corrupted, NotFound
from nbdeploy.hints import typed
from nbdeploy.manifest import Manifest
from nbdeploy.store import exclusive
from nbdeploy.store.blobs import Blobs, place
from nbdeploy.store.objects import Objects
from nbdeploy.store.version import Version

__all__ = ["GRACE", "Collected", "Reachable", "collect"]

GRACE = timedelta(hours=24)
"""Age from which a blob that no version reaches is garbage; a younger one may belong to a snapshot being stored."""

_TRASH = "trash"
_STAMP = "%Y%m%dT%H%M%SZ"
_ABANDONED = timedelta(hours=24)  # no collector needs longer from its first deletion to its second look


@dataclass(frozen=True)
class Collected:
    """What collecting garbage did, or would do.

    Attributes
    ----------
    blobs, bytes : int
        How many files were deleted, and their size.
    waiting : int
        How many that no version reaches are younger than the grace age.
    kept : int
        How many files versions reach.
    """

    blobs: int = 0
    bytes: int = 0
    waiting: int = 0
    kept: int = 0


class Reachable:
    """SHA-256 of every blob that a version reaches. A version is read once.

    Parameters
    ----------
    versions : callable
        Lists all versions of all models, as they are now.
    manifest : callable
        Reads the documents of one.
    """

    def __init__(self, versions: Callable[[], Iterable[Version]], manifest: Callable[[Version], Manifest]) -> None:
        self._versions = versions
        self._manifest = manifest
        self._known: dict[Version, set[str]] = {}

    def now(self) -> set[str]:
        """Return what is reached at this moment.

        Raises
        ------
        Corrupted
            If what a version needs cannot be known; then nothing is garbage for sure.
        """
        found: set[str] = set()
        for version in self._versions():
            if version not in self._known:
                self._known[version] = self._blobs(version)
            found |= self._known[version]
        return found

    def _blobs(self, version: Version) -> set[str]:
        try:
            return set(self._manifest(version).blobs)
        except (Corrupted, NotFound) as error:
            raise Corrupted(
                f"nothing was deleted, because what {version} needs cannot be read: {error}; "
                f"or remove it with: {typed(f'rm {version} --yes')}",
                snapshot=str(version),
            ) from error


def collect(
    objects: Objects, reachable: Reachable, clock: datetime, grace: timedelta = GRACE, *, dry: bool = False
) -> Collected:
    """Delete the blobs that no version reaches and that are older than the grace age, and unfinished files.

    Parameters
    ----------
    objects : Objects
        The store's objects.
    reachable : Reachable
        What versions reach.
    clock : datetime
        The time now.
    grace : timedelta
        Age from which a blob that is not reached is deleted.
    dry : bool
        Only say what would be deleted.

    Raises
    ------
    Corrupted
        If a version cannot be read. Nothing is deleted then.
    """
    if not dry:
        _restore_abandoned(objects, clock)
    listed = list(Blobs(objects).listed())
    reached = reachable.now()
    loose = [(digest, one) for digest, one in listed if digest not in reached]
    old = {digest: one.size for digest, one in loose if clock - one.modified >= grace}
    unfinished = _unfinished(objects, clock - grace, dry)
    if not dry:
        for digest in _deleted_and_reached(objects, list(old), reachable, clock):
            del old[digest]
    return Collected(
        blobs=len(old) + len(unfinished),
        bytes=sum(old.values()) + sum(unfinished),
        waiting=len(loose) - len(old),
        kept=len(listed) - len(loose),
    )


def _deleted_and_reached(objects: Objects, old: list[str], reachable: Reachable, clock: datetime) -> list[str]:
    """Delete blobs; put back, and return, those that a version reaches after all."""
    if not old:
        return []
    run = f"{_TRASH}/{clock.astimezone(UTC).strftime(_STAMP)}-{secrets.token_hex(4)}"
    gone = [digest for digest in old if _moved(objects, place(digest), f"{run}/{digest}")]
    try:
        reached = reachable.now()
    except Corrupted:  # by the deletions perhaps: then it can be read with everything in its place
        _put_back(objects, run, gone)
        reached = reachable.now() | set(gone)
    back = [digest for digest in gone if digest in reached]
    _put_back(objects, run, back)
    for digest in gone:
        objects.delete(f"{run}/{digest}")
    objects.delete_folder(run)
    return back


def _put_back(objects: Objects, run: str, digests: list[str]) -> None:
    for digest in digests:
        objects.copy(f"{run}/{digest}", place(digest))


def _moved(objects: Objects, path: str, to: str) -> bool:
    """Copy, then delete; false if another collector was faster."""
    if not objects.exists(path):
        return False
    with suppress(NotFound):
        objects.copy(path, to)
        objects.delete(path)
        return True
    return False


def _restore_abandoned(objects: Objects, clock: datetime) -> None:
    """Put back the trash of collectors that did not end, before it is decided anew what is garbage."""
    for run in objects.folders(_TRASH):
        entries = objects.below(f"{_TRASH}/{run}")
        for digest in entries:
            if not objects.exists(place(digest)):
                with suppress(NotFound):  # its collector lives, and was faster
                    _put_back(objects, f"{_TRASH}/{run}", [digest])
        if _started(run, clock) <= clock - _ABANDONED:
            for digest in entries:
                objects.delete(f"{_TRASH}/{run}/{digest}")
            objects.delete_folder(f"{_TRASH}/{run}")


def _started(run: str, clock: datetime) -> datetime:
    """When a run began, by its name; now, for a name that is none of ours."""
    try:
        return datetime.strptime(run.partition("-")[0], _STAMP).replace(tzinfo=UTC)
    except ValueError:
        return clock


def _unfinished(objects: Objects, before: datetime, dry: bool) -> list[int]:
    """Sizes of the files that killed writers left in a folder, deleted unless `dry`."""
    if objects.folder is None:
        return []
    sizes = []
    for path, size in list(exclusive.leftovers(objects.folder, before.timestamp())):
        sizes.append(size)
        if not dry:
            path.unlink(missing_ok=True)
    return sizes
