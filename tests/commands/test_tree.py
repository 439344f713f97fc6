from __future__ import annotations

from collections.abc import Iterator

import click
import pytest

from nbdeploy.commands import cli
from nbdeploy.commands.tree import TABLE


def commands(tree: click.Command = cli, name: str = "nbdeploy") -> Iterator[tuple[str, click.Command]]:
    """Every command of a tree with its full name."""
    yield name, tree
    if isinstance(tree, click.Group):
        context = click.Context(tree)
        for one in tree.list_commands(context):
            found = tree.get_command(context, one)
            assert found is not None
            yield from commands(found, f"{name} {one}")


ALL = list(commands())


@pytest.mark.parametrize(("name", "command"), ALL, ids=[name for name, _ in ALL])
def test_every_command_and_option_is_documented(name: str, command: click.Command) -> None:
    """Whatever can be typed has a help text, a sentence each."""
    assert command.help
    assert command.help.splitlines()[0].endswith(".")
    for parameter in command.get_params(click.Context(command)):
        assert getattr(parameter, "help", None), f"{name} {parameter.name}"


@pytest.mark.parametrize("name", TABLE)
def test_every_command_is_where_the_table_says(name: str) -> None:
    """A lazy name resolves to the command of that name."""
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    assert command.name == name


CONTRACT = """
demo snapshot list show alias verify export import predict run parameters runs logs config serve token target push
status call undeploy diff history copy rm gc requests label diagnose
"""


def test_the_contract_is_there() -> None:
    """These commands are the public surface."""
    assert set(CONTRACT.split()) <= set(TABLE)


def test_summaries_fit_the_help_page() -> None:
    """No command's first sentence is cut in the overview of commands."""
    page = cli.get_help(click.Context(cli, info_name="nbdeploy", terminal_width=80))
    assert "..." not in page.partition("Commands:")[2]
