"""Parameters of a notebook: how they are declared, and what values they are given."""

from nbdeploy.batch.parameters.binding import bind
from nbdeploy.batch.parameters.declared import Parameter, Parameters, parameters_of
from nbdeploy.batch.parameters.values import Text, portable, showable
from nbdeploy.batch.parameters.words import WORDS, render

__all__ = ["WORDS", "Parameter", "Parameters", "Text", "bind", "parameters_of", "portable", "render", "showable"]
