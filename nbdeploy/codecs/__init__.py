"""Data in the caller's library, on the wire and back.

On the wire is a Polars frame: the signature's columns, by name, in order, in its types; missing is null.
"""

from nbdeploy.codecs.binding import UnknownColumns, bind, bind_text, number_types, unknown_columns
from nbdeploy.codecs.declared import declare
from nbdeploy.codecs.frames import describe, rebuild
from nbdeploy.codecs.proof import prove
from nbdeploy.codecs.text_tables import Text

__all__ = [
    "Text",
    "UnknownColumns",
    "bind",
    "bind_text",
    "declare",
    "describe",
    "number_types",
    "prove",
    "rebuild",
    "unknown_columns",
]
