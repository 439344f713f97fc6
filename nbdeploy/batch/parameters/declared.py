"""The parameters of a notebook, read from its tagged cell without executing it."""

from __future__ import annotations

import ast
import contextlib
import io
import re
import tokenize
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, time
from pathlib import Path, PurePath
from typing import Any

from nbdeploy.batch.parameters.annotations import read_annotation
from nbdeploy.batch.parameters.defaults import UNKNOWN, read_default, type_of_default, type_of_expression
from nbdeploy.batch.parameters.enumerations import Enumeration, enumerations, mentioned
from nbdeploy.batch.parameters.reading import choices, convert, expected, from_text
from nbdeploy.batch.parameters.values import Secret, Text, portable, showable
from nbdeploy.cards import Card, Result, Table
from nbdeploy.errors import InvalidData
from nbdeploy.notebooks import Notebook, source

__all__ = ["Parameter", "Parameters", "parameters_of"]

_TYPE_COMMENT = re.compile(r"type:\s*(?P<type>\S+)\s*(?P<help>.*)")


@dataclass(frozen=True)
class Parameter:
    """One parameter of a notebook.

    Attributes
    ----------
    name : str
        The variable assigned.
    annotation : str
        Its type as written, empty if none is.
    default : object
        Its value in the cell, None where that is an expression.
    written : str
        The default as written in the cell.
    required : bool
        Whether it is declared without a default (``month: str``).
    help : str
        The comment after it.
    type : type
        What values are read and checked by, ``Any`` if nothing is known.
    where : str
        The cell that declares it, in words.
    """

    name: str
    annotation: str = ""
    default: Any = None
    written: str = ""
    required: bool = False
    help: str = ""
    type: Any = field(default=Any, repr=False)
    where: str = field(default="", repr=False)

    @property
    def kind(self) -> str:
        """The type to show: as written, else that of the default."""
        if self.annotation:
            return self.annotation
        if self.default is None or isinstance(self.default, PurePath):
            return "any" if self.default is None else "Path"
        return getattr(self.default, "enumeration", type(self.default).__name__)

    @property
    def declaration(self) -> str:
        """The line of the cell that declares it."""
        annotation = f": {self.annotation}" if self.annotation else ""
        return f"{self.name}{annotation}" + ("" if self.required else f" = {self.written}")

    @property
    def choices(self) -> list[str] | None:
        """The texts to choose from, None if there are others."""
        return choices(self.type) or None

    def accept(self, value: Any) -> Any:
        """Return the value to pass for one that was given.

        Raises
        ------
        InvalidData
            If it is of the wrong type.
        """
        try:
            return self._read(value)
        except ValueError as error:
            given = repr(str(value)) if isinstance(value, Text) else repr(value)
            hint = expected(self.type)
            raise InvalidData(
                f"parameter {self.name!r} is declared as `{self.declaration}` in {self.where} and cannot be {given}"
                + (f"; {hint}" if hint else ""),
                name=self.name,
                value=value,
                declaration=self.declaration,
            ) from error

    def _read(self, value: Any) -> Any:
        if isinstance(value, Secret):
            from_text("", self.type if self.annotation else Any)
            return value
        if isinstance(value, Text):
            return portable(self.name, from_text(str(value), self.type))
        carried = portable(self.name, mentioned(value, self.type))
        if not self.annotation and not isinstance(carried, date | time | PurePath):
            return carried
        return convert(carried, self.type if self.annotation or self.type is str else Any)


@dataclass(frozen=True)
class Parameters(Result):
    """The parameters of a notebook, in the order of its cell.

    Attributes
    ----------
    notebook : Path
        The notebook.
    cell : int or None
        Number of the cell tagged ``parameters`` (from 1); None if there is none.
    items : sequence of Parameter
        The parameters.
    closed : bool
        Whether these are all: then a name that is not among them is refused.
    """

    notebook: Path
    cell: int | None = None
    items: Sequence[Parameter] = ()
    closed: bool = False

    def __iter__(self) -> Iterator[Parameter]:
        return iter(self.items)

    @property
    def line(self) -> str:
        """How many there are."""
        if self.cell is None:
            return f"{self.notebook.name} has no cell tagged 'parameters', so that any name can be given"
        return f"{self.notebook.name} has {len(self.items)} parameters, in cell {self.cell}"

    def card(self) -> Card:
        """The parameters as a table."""
        rows = [(item.name, item.kind, "required" if item.required else item.written, _told(item)) for item in self]
        return Card(self.line, table=Table(("name", "type", "default", ""), rows) if rows else None)

    def document(self) -> list[dict[str, Any]]:
        """The parameters, enough to make a form."""
        return [
            {
                "name": item.name,
                "type": item.kind,
                "choices": item.choices,
                "default": showable(item.default),
                "written": item.written,
                "required": item.required,
                "help": item.help,
            }
            for item in self
        ]


def _told(item: Parameter) -> str:
    """Its comment, and what there is to choose from where its type does not say so."""
    told = item.choices if item.choices and "Literal" not in item.kind else []
    return "; ".join(filter(None, [item.help, f"one of {', '.join(told)}" if told else ""]))


def parameters_of(notebook: str | Path | Notebook) -> Parameters:
    """Read the parameters of a notebook from its cell tagged ``parameters``, without executing it.

    Raises
    ------
    NotFound
        If there is no such notebook.
    InvalidData
        If the file is not a notebook, or its parameters cell is not Python.
    """
    book = notebook if isinstance(notebook, Notebook) else Notebook.read(notebook)
    if book.parameters_cell is None:
        return Parameters(book.path)
    number, text = book.parameters_cell
    if not book.is_python:
        return Parameters(book.path, number)
    return Parameters(book.path, number, tuple(_declared(book, number, text).values()), closed=True)


def _declared(book: Notebook, number: int, text: str) -> dict[str, Parameter]:
    text, tree = _parameters_cell(book, number, text)
    comments = _comments(text)
    known = enumerations([*_before(book, number), tree])
    found: dict[str, Parameter] = {}
    for node in tree.body:
        comment = comments.get(node.end_lineno or 0, "")
        for name, annotation, value in _assignments(node):
            parameter = _parameter(name, annotation, value, comment, known)
            found[name] = replace(parameter, where=f"cell {number} of {book.path.name}")
    return found


def _before(book: Notebook, number: int) -> Iterator[ast.Module]:
    """The code cells above a cell, as far as they are Python."""
    for cell in book.cells[: number - 1]:
        if cell.get("cell_type") == "code":
            with contextlib.suppress(SyntaxError, ValueError):
                yield _parse(source(cell))[1]


def _parse(text: str) -> tuple[str, ast.Module]:
    """Parse a cell, which may hold magics."""
    with contextlib.suppress(SyntaxError):
        return text, ast.parse(text)
    from IPython.core.inputtransformer2 import TransformerManager

    plain = TransformerManager().transform_cell(text)  # type: ignore[no-untyped-call]
    return plain, ast.parse(plain)


def _parameters_cell(book: Notebook, number: int, text: str) -> tuple[str, ast.Module]:
    try:
        return _parse(text)
    except SyntaxError as error:
        raise InvalidData(
            f"the parameters cell (cell {number}) of {book.path} is not Python: {error.msg} in line {error.lineno}",
            path=str(book.path),
            cell=number,
        ) from error


def _assignments(node: ast.stmt) -> Iterator[tuple[str, ast.expr | None, ast.expr | None]]:
    """The names that a statement assigns, each with its annotation and value."""
    match node:
        case ast.AnnAssign(target=ast.Name(id=name), annotation=annotation, value=value):
            yield name, annotation, value
        case ast.Assign(targets=targets, value=value):
            for target in targets:
                if isinstance(target, ast.Name):
                    yield target.id, None, value
                elif isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
                    for each, item in zip(target.elts, value.elts, strict=False):
                        if isinstance(each, ast.Name):
                            yield each.id, None, item


def _parameter(
    name: str, annotation: ast.expr | None, value: ast.expr | None, comment: str, known: Mapping[str, Enumeration]
) -> Parameter:
    written = "" if annotation is None else ast.unparse(annotation)
    typed = _TYPE_COMMENT.fullmatch(comment)
    if typed:
        comment = typed["help"]
        if annotation is None:
            annotation, written = ast.Constant(typed["type"]), typed["type"]
    default = read_default(value, known)
    return Parameter(
        name,
        written,
        None if default is UNKNOWN else default,
        "" if value is None else ast.unparse(value),
        required=value is None,
        help=comment,
        type=_type(annotation, value, default, known),
    )


def _type(annotation: ast.expr | None, value: ast.expr | None, default: Any, known: Mapping[str, Enumeration]) -> Any:
    if annotation is None:
        return type_of_expression(value) if default is UNKNOWN else type_of_default(default, known)
    if isinstance(value, ast.Attribute) and ast.unparse(value.value) == ast.unparse(annotation):
        name = ast.unparse(annotation)  # a member, of a class that may be imported
        known = {name.rpartition(".")[2]: Enumeration(name), **known}
    return read_annotation(annotation, known)


def _comments(text: str) -> dict[int, str]:
    """The comment at the end of each line."""
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return {token.start[0]: token.string.lstrip("#").strip() for token in tokens if token.type == tokenize.COMMENT}
