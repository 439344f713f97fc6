"""Looking at the store, keeping it, and carrying snapshots between stores."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbdeploy.api.predictions import load_version
from nbdeploy.api.references import open_store, resolve
from nbdeploy.errors import WrongUsage
from nbdeploy.hints import typed
from nbdeploy.settings import Settings
from nbdeploy.types import Ref, Report, check_name, ignore_progress

if TYPE_CHECKING:
    from nbdeploy.bundles import Bundle
    from nbdeploy.exports.results import Containable
    from nbdeploy.snapshots.catalog import SnapshotList
    from nbdeploy.snapshots.comparing.difference import Difference
    from nbdeploy.snapshots.described import Snapshot
    from nbdeploy.snapshots.upkeep import Copied, Exported, ModelHistory, Removed, Swept
    from nbdeploy.store import Store, Version

__all__ = [
    "EXPORTS",
    "copy",
    "diff",
    "export",
    "gc",
    "history",
    "import_",
    "list_snapshots",
    "rm",
    "show",
]


EXPORTS = ("bundle", "docker")


def list_snapshots(name: str | None = None, *, settings: Settings | None = None) -> SnapshotList:
    """List the snapshots in the store, or the versions of one model."""
    from nbdeploy.snapshots.catalog import list_versions

    return list_versions(open_store(settings), name)


def show(ref: str, *, settings: Settings | None = None) -> Snapshot:
    """Show one snapshot: what it takes and answers, where it comes from, how it was proven."""
    from nbdeploy.snapshots.described import describe_version

    store = open_store(settings)
    return describe_version(store, resolve(store, ref, settings))


def history(name: str, *, settings: Settings | None = None) -> ModelHistory:
    """Tell what happened to a model: versions stored and removed, aliases moved, by whom and when."""
    from nbdeploy.snapshots.upkeep import history as tell

    if "/" in name:
        raise WrongUsage(f"{name!r} is a deployment; give the name of a model, or see: {typed(f'status {name}')}")
    return tell(open_store(settings), check_name(name, "model name"))


def diff(before: str, after: str, *, settings: Settings | None = None) -> Difference:
    """Compare two snapshots: signature, environment, metrics, parameters, code, and which rows they answer differently.

    Both are loaded, and each is asked about its own sample and the other's.

    Examples
    --------
    >>> import nbdeploy as nd
    >>> nd.diff("churn@champion", "churn")  # doctest: +SKIP
    """
    from nbdeploy.snapshots.comparing.difference import difference

    store = open_store(settings)
    old, new = (resolve(store, ref, settings) for ref in (before, after))
    return difference(store, old, new, lambda version: load_version(store, version, settings))


def rm(ref: str, *, yes: bool = False, settings: Settings | None = None) -> Removed:
    """Remove a version for good. Its number is never given again.

    Parameters
    ----------
    ref : str
        The version.
    yes : bool
        That this is really meant.

    Raises
    ------
    WrongUsage
        If it is not said to be meant.
    Conflict
        If an alias means it.
    """
    from nbdeploy.snapshots.upkeep import Removed

    store, parsed = open_store(settings), Ref.parse(ref)
    named = parsed.version is not None and parsed.target is None  # so that a damaged one can be removed
    name, number = (parsed.name, parsed.version) if named else _found(store, parsed, settings)
    if not yes:
        raise WrongUsage(f"{name}:{number} would be removed from {store.url} for good; if you mean it, add --yes")
    return Removed(store.remove(name, int(number or 0)))


def _found(store: Store, ref: Ref, settings: Settings | None) -> tuple[str, int]:
    version = resolve(store, ref, settings)
    return version.name, version.number


def gc(grace: timedelta | None = None, *, dry_run: bool = False, settings: Settings | None = None) -> Swept:
    """Delete the files in the store that no snapshot uses: of removed versions, and of uploads that did not end.

    Parameters
    ----------
    grace : timedelta, optional
        Files younger than this stay, because a snapshot that uses them may be about to be stored; 24 hours by default.
    dry_run : bool
        Only say what would be deleted.
    """
    from nbdeploy.snapshots.upkeep import Swept
    from nbdeploy.store import GRACE

    store, age = open_store(settings), GRACE if grace is None else grace
    return Swept(store.collect(age, dry=dry_run), store.url, age, dry_run)


def export(
    ref: str,
    out: str | Path,
    *,
    format: str = "bundle",  # noqa: A002 - as it is called in a shell
    settings: Settings | None = None,
) -> Exported | Containable:
    """Write a snapshot where other tools take it from.

    Parameters
    ----------
    ref : str
        The snapshot.
    out : str or Path
        A new folder; a bundle also as a file whose name ends in ``.zip``.
    format : str
        ``bundle``, which is an MLflow model too; or ``docker``, from which the image of an endpoint is built that
        serves the snapshot and needs no network.
    """
    from nbdeploy.bundles import Bundle
    from nbdeploy.snapshots.upkeep import Exported

    if format not in EXPORTS:
        raise WrongUsage(f"there is no export format {format!r}; there are: {', '.join(EXPORTS)}")
    store = open_store(settings)
    version = resolve(store, ref, settings)
    store.check(version)
    bundle = Bundle(store.open(version), store.manifest(version))
    if format == "bundle":
        return Exported(version, bundle.export(Path(out)))
    return _containable(version, bundle, Path(out))


def _containable(version: Version, bundle: Bundle, out: Path) -> Containable:
    from nbdeploy.exports.docker import ENDPOINT, docker_folder
    from nbdeploy.exports.results import Containable
    from nbdeploy.serving.home import Home
    from nbdeploy.wire.messages import Deployment, Serving

    state = Deployment(
        name=version.name,
        state="serving",
        serving=[Serving(version.name, version.number, version.digest)],
        author=version.author,
        created=version.created,
        deployed=version.created,
        by="image",
    )
    with docker_folder(bundle, out) as folder:
        Home(folder / ENDPOINT).keep(state)
    return Containable(version, out)


def import_(
    path: str | Path,
    name: str | None = None,
    data: Any = None,
    *,
    renumber: bool = False,
    settings: Settings | None = None,
    progress: Report = ignore_progress,
) -> Snapshot:
    """Read an exported snapshot into the store, under its own name and number; or take one of an MLflow model.

    An MLflow model is loaded, which executes code if it holds any (the answer says so), proven in a clean process
    like any live model, and stored as the next version.

    Parameters
    ----------
    path : str or Path
        The folder or archive that :func:`export` wrote, or an MLflow model's folder.
    name : str, optional
        Of an MLflow model, which has none; its folder's name by default.
    data : table, str or Path, optional
        Rows, or a file of them, to prove an MLflow model with; its input example by default.
    renumber : bool
        Give it the next number here instead of its own.

    Raises
    ------
    NotABundle
        If it is something else.
    Corrupted
        If a file was changed, or leads out of the bundle.
    Conflict
        If the store has another content under that name and number, or models of another kind under that name.
    Forbidden
        If loading an MLflow model would run code, and ``allow_code`` is not ``always``.
    InvalidData
        If there are no rows to prove an MLflow model with.
    RehearsalFailed
        If an MLflow model does not answer the same in a clean process.
    """
    from nbdeploy.bundles import unpacked
    from nbdeploy.snapshots.described import describe_version
    from nbdeploy.snapshots.from_mlflow import import_mlflow_model, is_mlflow_model

    settings = settings or Settings.load()
    store = open_store(settings)
    if is_mlflow_model(Path(path)):
        code = settings.allow_code
        taken = import_mlflow_model(store, Path(path), name, data, progress, allow_code=code)
        return describe_version(store, taken.version, "stored" if taken.created else "found", notices=taken.notices)
    if name is not None or data is not None:
        raise WrongUsage(f"{path} is no MLflow model; an exported snapshot has its own name, and needs no rows")
    with unpacked(Path(path)) as bundle:
        manifest, files = bundle.manifest, bundle.files()
        store.check_kind(manifest.name, manifest)
        version = store.add(manifest.name, manifest, files)[0] if renumber else store.adopt(manifest, files)
    return describe_version(store, version, "imported")


def copy(ref: str, to: str | Path, *, settings: Settings | None = None) -> Copied:
    """Copy a snapshot into another store, under its own name and number, with its record.

    Parameters
    ----------
    ref : str
        The snapshot.
    to : str or Path
        The other store: a folder, or ``s3://…``, ``gs://…``, ``az://…``.

    Raises
    ------
    Conflict
        If the other store has another content under that name and number.

    Examples
    --------
    >>> import nbdeploy as nd
    >>> nd.copy("churn@champion", "s3://team/models")  # doctest: +SKIP
    """
    from nbdeploy.bundles import Bundle
    from nbdeploy.snapshots.upkeep import Copied
    from nbdeploy.store import Store

    settings = settings or Settings.load()
    store, other = open_store(settings), Store(str(to), settings.cache)
    version = resolve(store, ref, settings)
    bundle = Bundle(store.open(version), store.manifest(version))
    other.check_number(bundle.manifest)
    other.check_kind(version.name, bundle.manifest)
    missing = other.missing(bundle.manifest)
    other.adopt(bundle.manifest, bundle.files())
    return Copied(version, other.url, len(missing), sum(bundle.manifest.blobs[digest] for digest in missing))
