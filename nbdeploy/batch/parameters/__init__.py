"""Parameters of a notebook: how they are declared, and what values they are given."""

from nbdeploy.batch.parameters.binding import bind
from nbdeploy.batch.parameters.declared import Parameter, Parameters, parameters_of
from nbdeploy.batch.parameters.masking import Mask, Pieces
from nbdeploy.batch.parameters.notation import decode, encode
from nbdeploy.batch.parameters.secrets import check_secrets, secrets_of
from nbdeploy.batch.parameters.values import Member, Secret, Text, Variable, portable, showable, written
from nbdeploy.batch.parameters.words import WORDS, render

__all__ = [
    "WORDS",
    "Mask",
    "Member",
    "Parameter",
    "Parameters",
    "Pieces",
    "Secret",
    "Text",
    "Variable",
    "bind",
    "check_secrets",
    "decode",
    "encode",
    "parameters_of",
    "portable",
    "render",
    "secrets_of",
    "showable",
    "written",
]
