"""The command `threenines`: one file a verb or family of verbs, imported only when it is called.

Exit codes (contract): 0 success; 1 something is wrong with what was asked about; 2 the request or the configuration
is wrong; 3 another hub holds the store; 70 a bug of ours; 74 the disk failed. A traceback is shown only with
THREENINES_TRACE=1.
"""

from __future__ import annotations

import importlib
import os
import sys
from difflib import get_close_matches
from typing import TYPE_CHECKING

import click

from watch.limits import collect_rarely
from watch.ports import Trouble

if TYPE_CHECKING:
    from collections.abc import Sequence

# verb → (module, what it is). A verb's command is the module's attribute of the same name.
VERBS: dict[str, tuple[str, str]] = {
    "run": ("watch.cli.run", "run the hub, its own vantage point and the status page"),
    "init": ("watch.cli.init", "write a small checks.yaml after a few questions"),
    "validate": (
        "watch.cli.validate",
        "list every mistake in checks.yaml, where it is and what to write instead",
    ),
    "schema": ("watch.cli.schema", "print the JSON Schema of checks.yaml, for editors"),
    "probes": ("watch.cli.probes", "list the kinds of probes; with KIND its options, facts and an example"),
    "check": ("watch.cli.check", "run checks once, now, from this machine"),
    "status": (
        "watch.cli.status",
        "show the current states, the reasons, and the vantage points that see them",
    ),
    "explain": ("watch.cli.explain", "show how one figure is calculated, from the ledger entries on"),
    "uptime": ("watch.cli.uptime", "show the uptime of all components in a month"),
    "reload": ("watch.cli.reload", "make the running hub reload its configuration now"),
    "backup": ("watch.cli.backup", "copy the store to a file, also while the hub runs"),
    "restore": ("watch.cli.backup", "replace the store with a copy"),
    "ledger": ("watch.cli.ledger", "verify, export or rebuild the record that every figure comes from"),
}
LATER = frozenset(
    [
        "agent",
        "vantage",
        "report",
        "incident",
        "maintenance",
        "silence",
        "ack",
        "adjust",
        "oncall",
        "simulate",
        "alert",
        "render",
        "demo",
        "import",
        "doctor",
        "user",
        "store",
    ]
)


class _Verbs(click.Group):
    """The verbs by name. The module of a verb is imported when the verb is called, not to list it."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in LATER:
            raise click.UsageError(f"'{cmd_name}' is planned but not built yet; --help lists what is.", ctx)
        if cmd_name not in VERBS:
            near = get_close_matches(cmd_name, VERBS, 1)
            hint = f"did you mean '{near[0]}'?" if near else "--help lists the verbs."
            raise click.UsageError(f"there is no verb '{cmd_name}'; {hint}", ctx)
        command: click.Command = getattr(importlib.import_module(VERBS[cmd_name][0]), cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's
        with formatter.section("Verbs"):
            formatter.write_dl([(verb, text) for verb, (_, text) in VERBS.items()])


@click.command(cls=_Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="threenines", message="%(prog)s %(version)s")
@click.option(
    "--config",
    default="checks.yaml",
    show_default=True,
    metavar="PATH",
    help="The configuration: a file or a folder.",
)
@click.pass_context
def cli(ctx: click.Context, config: str) -> None:
    """Monitoring, uptime and status pages with figures you can defend to the second."""
    ctx.obj = config


def main(words: Sequence[str] | None = None) -> None:
    """Run the command *words*, or the process's own command line without them; exit with the command's code."""
    collect_rarely()  # what a verb makes lives until it ends
    try:
        code = cli.main(None if words is None else list(words), standalone_mode=False, prog_name="threenines")
    except click.exceptions.Abort:
        click.echo("Interrupted before it was done.", err=True)
        sys.exit(2)
    except click.ClickException as mistake:
        mistake.show()
        sys.exit(2)
    except Trouble as trouble:
        click.echo(str(trouble), err=True)
        sys.exit(trouble.exit_code)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # the reader closed the pipe: no error of ours
        sys.exit(0)
    except Exception as bug:  # noqa: BLE001 - the last line of defence
        _confess(bug)
        sys.exit(70)
    sys.exit(code if isinstance(code, int) else 0)


def _confess(bug: Exception) -> None:
    click.echo(f"threenines: a bug of ours: {type(bug).__name__}: {bug}", err=True)
    if os.environ.get("THREENINES_TRACE"):
        raise bug
    click.echo("Run it again with THREENINES_TRACE=1 for the traceback, and please report it.", err=True)
