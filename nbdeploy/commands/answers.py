"""What a command answered, as a shell prints it and as an assignment in a notebook receives it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import click
import msgspec

from nbdeploy.cards import Card, Result

__all__ = ["TableAnswer", "complaint", "document_text", "plain_text", "show", "value_of"]


@dataclass(frozen=True)
class TableAnswer(Result):
    """An answer that is a table: CSV in a shell, the table itself in a notebook.

    Attributes
    ----------
    table : pandas.DataFrame, polars.DataFrame or pyarrow.Table
        The rows.
    """

    table: Any

    @property
    def columns(self) -> list[Any]:
        """The table's columns."""
        return list(getattr(self.table, "column_names", self.table.columns))

    def card(self) -> Card:
        """Return the line."""
        return Card(self.line)

    def csv(self) -> str:
        """The table as CSV."""
        return str(self.table.write_csv() if hasattr(self.table, "write_csv") else self.table.to_csv(index=False))

    def records(self) -> list[dict[str, Any]]:
        """The table as a list of rows."""
        for method in ("to_dicts", "to_pylist"):
            if hasattr(self.table, method):
                return list(getattr(self.table, method)())
        return list(self.table.to_dict("records"))


def value_of(result: Result) -> Any:
    """What a notebook receives: the table of an answer that is one, else the answer."""
    return result.table if isinstance(result, TableAnswer) else result


def plain_text(result: Result) -> str:
    """The card for a reader who has seen the line: neither title nor next step is said twice."""
    card = replace(result.card(), next="")
    text = card.text()
    told, _, rest = text.partition("\n")
    return rest if rest and told == result.line else text


def complaint(error: BaseException, program: str) -> str:
    """An error in one line; wrong usage with where to read more, an interrupt with what is known of its outcome."""
    if isinstance(error, KeyboardInterrupt | click.Abort):
        return ": ".join(["interrupted", *map(str, error.args[:1])])
    if not isinstance(error, click.ClickException):
        return str(error)
    context: click.Context | None = getattr(error, "ctx", None)
    told = error.format_message().rstrip(".") + _spelling(error, context)
    if context is not None and context.command.hidden:
        context = context.parent
    return f"{told}; see: {context.command_path if context else program} --help"


def _spelling(error: click.ClickException, context: click.Context | None) -> str:
    """How the option that lacks something is written."""
    if context is None or not isinstance(error, click.BadOptionUsage):
        return ""
    wanted = [param for param in context.command.params if error.option_name in param.opts]
    return "".join(f": {error.option_name} {param.make_metavar(context)}" for param in wanted)


def document_text(document: object) -> str:
    """One JSON document, indented; what JSON cannot say (NaN) is null."""
    return msgspec.json.format(msgspec.json.encode(document, enc_hook=_builtin), indent=2).decode()


def _builtin(value: Any) -> Any:
    """NumPy's scalars and the like, as Python's own; anything else as text."""
    return value.item() if hasattr(value, "item") else str(value)


def show(result: Result, as_document: bool) -> None:
    """Write an answer to standard output, and what happened to standard error."""
    if as_document:
        click.echo(document_text(result.document()))
    elif isinstance(result, TableAnswer):
        click.echo(result.csv(), nl=False)
    else:
        text = plain_text(result)
        click.echo(text)
    if as_document or isinstance(result, TableAnswer) or text != result.line:
        click.echo(result.line, err=True)
    for notice in result.notices:
        click.echo(f"warning: {notice}", err=True)
