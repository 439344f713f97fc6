"""Parameters of a notebook: how they are declared, and what values they are given."""

from nbdeploy.batch.parameters.binding import bind
from nbdeploy.batch.parameters.declared import Parameter, Parameters, parameters_of
from nbdeploy.batch.parameters.notation import decode, encode
from nbdeploy.batch.parameters.values import Member, Secret, Text, Variable, portable, showable, written
from nbdeploy.batch.parameters.words import WORDS, render

__all__ = [
    "WORDS",
    "Member",
    "Parameter",
    "Parameters",
    "Secret",
    "Text",
    "Variable",
    "bind",
    "decode",
    "encode",
    "parameters_of",
    "portable",
    "render",
    "showable",
    "written",
]
