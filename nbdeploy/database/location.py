"""Where an SQLite file may live: its write-ahead log needs memory that all processes share."""

from __future__ import annotations

from pathlib import Path

from nbdeploy.errors import NotWritable

__all__ = ["check_local"]

_NETWORK = frozenset(
    {
        "afs",
        "beegfs",
        "ceph",
        "cifs",
        "davfs",
        "fuse.sshfs",
        "glusterfs",
        "gpfs",
        "lustre",
        "nfs",
        "nfs4",
        "smb3",
        "smbfs",
    }
)


def check_local(path: Path) -> None:
    """Refuse an SQLite file on a network file system, where it would break under two writers.

    Raises
    ------
    NotWritable
        If the file's folder is on one.
    """
    kind = _filesystem(path.absolute())
    if kind in _NETWORK:
        raise NotWritable(
            f"the database {path} would be on a network file system ({kind}), where SQLite is not safe: "
            "set NBDEPLOY_DB to a file on a local disk, or to a PostgreSQL URL",
            path=str(path),
            filesystem=kind,
        )


def _filesystem(path: Path) -> str:
    """The kind of file system that holds `path`: that of the longest mount point above it."""
    import psutil

    above = {str(parent) for parent in path.resolve().parents}
    mounts = {mount.mountpoint: mount.fstype for mount in psutil.disk_partitions(all=True) if mount.mountpoint in above}
    return str(mounts[max(mounts, key=len)]) if mounts else ""
