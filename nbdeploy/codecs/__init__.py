"""Data in the caller's library, on the wire and back.

On the wire is a Polars frame: the signature's columns, by name, in order, in its types; missing is null.
"""

from nbdeploy.codecs.frames import bind, bind_text, describe, rebuild

__all__ = ["bind", "bind_text", "describe", "rebuild"]
