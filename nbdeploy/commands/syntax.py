"""click's parts, made to carry words that stand for live objects, and to load sub-commands lazily."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

import click
from click.core import augment_usage_errors
from click.shell_completion import CompletionItem

from nbdeploy.commands.door import Door
from nbdeploy.commands.kinds import Unexpanded

__all__ = ["Argument", "Command", "Group", "Option", "argument", "command", "group", "option", "pass_door"]

pass_door = click.make_pass_decorator(Door, ensure=True)


class _Expanding(click.Parameter):
    """A parameter whose words are expanded by the door, before its type sees them."""

    def type_cast_value(self, ctx: click.Context, value: Any) -> Any:
        if ctx.resilient_parsing:  # a half-typed line: nothing in it is run
            return value
        return super().type_cast_value(ctx, _expanded(self.type, ctx.ensure_object(Door), value))


def _expanded(kind: click.ParamType[Any], door: Door, value: Any) -> Any:
    """Every word of a value, expanded; `-p KEY VALUE` has a kind for each."""
    if isinstance(value, str):
        return value if isinstance(kind, Unexpanded) else door.expand(value)
    if isinstance(value, tuple) and isinstance(kind, click.Tuple):
        return tuple(_expanded(one, door, item) for one, item in zip(kind.types, value, strict=True))
    if isinstance(value, tuple | list):
        return [_expanded(kind, door, item) for item in value]
    return value


class Argument(_Expanding, click.Argument):
    """A positional argument."""


class Option(_Expanding, click.Option):
    """An option. Another option is no value of it, as in ``--test X --note text``."""

    def type_cast_value(self, ctx: click.Context, value: Any) -> Any:
        """Read the value, unless it is an option."""
        words = value if isinstance(value, list | tuple) else (value,)
        names = {name for param in ctx.command.params for name in param.opts}
        if any(isinstance(word, str) and word.startswith("-") and word in names for word in words):
            count = f"{self.nargs} arguments" if self.nargs > 1 else "an argument"
            raise click.BadOptionUsage(self.opts[0], f"Option {self.opts[0]!r} requires {count}.", ctx)
        return super().type_cast_value(ctx, value)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """What its value may become."""
        ctx.ensure_object(Door).awaits_value = True
        return super().shell_complete(ctx, incomplete)


def _note(attribute: str) -> Callable[[click.Context, click.Parameter, bool], None]:
    def callback(ctx: click.Context, _: click.Parameter, given: bool) -> None:
        if given:
            setattr(ctx.ensure_object(Door), attribute, True)

    return callback


def _everywhere() -> list[click.Parameter]:
    """Options of every command, so that they may stand anywhere on the line."""
    flag: dict[str, Any] = {"is_flag": True, "expose_value": False, "is_eager": True}
    return [
        Option(["--json"], callback=_note("as_document"), help="Answer with one JSON document.", **flag),
        Option(["--debug"], callback=_note("debug"), help="Show the traceback of an error.", **flag),
    ]


class Command(click.Command):
    """A command that also takes ``--json`` and ``--debug``."""

    def __init__(self, *args: Any, params: Sequence[click.Parameter] | None = None, **kwargs: Any) -> None:
        kwargs["params"] = [*(params or ()), *_everywhere()]
        super().__init__(*args, **kwargs)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the words; a mistake in them knows the command that it was made in."""
        with augment_usage_errors(ctx):
            return super().parse_args(ctx, args)


class Group(click.Group):
    """A group whose sub-commands are imported when they are asked for.

    Parameters
    ----------
    table : mapping of str to str, optional
        Name to ``"module:attribute"``, in the order of the help page.
    """

    command_class = Command

    def __init__(
        self,
        *args: Any,
        params: Sequence[click.Parameter] | None = None,
        table: Mapping[str, str] | None = None,
        **kwargs: Any,
    ) -> None:
        kwargs |= {"params": [*(params or ()), *_everywhere()], "no_args_is_help": False}
        super().__init__(*args, **kwargs)
        self.table = dict(table or {})

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Every name, in the table's order."""
        return [*self.table, *self.commands]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """One sub-command, imported now if it is listed."""
        if cmd_name in self.table:
            module, _, attribute = self.table[cmd_name].partition(":")
            found: click.Command = getattr(import_module(module), attribute)
            return found
        return super().get_command(ctx, cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The sub-command that the first word names; what is close to it, if none."""
        known = self.list_commands(ctx)
        if args[0] not in known and not ctx.resilient_parsing:
            raise click.NoSuchCommand(args[0], possibilities=known, ctx=ctx)
        return super().resolve_command(ctx, args)


def argument(*names: str, **attributes: Any) -> Callable[[Any], Any]:
    """Declare a positional argument; see :func:`click.argument`."""
    return click.argument(*names, cls=Argument, **attributes)


def option(*names: str, **attributes: Any) -> Callable[[Any], Any]:
    """Declare an option; see :func:`click.option`."""
    return click.option(*names, cls=Option, **attributes)


def command(name: str, cls: type[Command] = Command, **attributes: Any) -> Callable[[Any], Command]:
    """Declare a command; see :func:`click.command`."""
    return click.command(name, cls=cls, **attributes)


def group(name: str, cls: type[Group] = Group, **attributes: Any) -> Callable[[Any], Group]:
    """Declare a group of commands; see :func:`click.group`."""
    return click.group(name, cls=cls, **attributes)
