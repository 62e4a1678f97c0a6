"""The verbs of `threenines`: one file a verb or family of verbs, imported only when it is called.

Exit codes (contract): 0 success; 1 something is wrong with what was asked about; 2 the request or the configuration
is wrong, or the answer cannot be written; 3 another hub holds the store; 70 a bug of ours; 74 the disk failed. A
traceback is shown only with THREENINES_TRACE=1.
"""

from __future__ import annotations

import importlib
import os
import sys
from typing import TYPE_CHECKING

import click

from watch.cli.interrupts import CODE, MESSAGE
from watch.cli.output import full, guarded
from watch.errors import Trouble
from watch.limits import collect_rarely

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
    "doctor": ("watch.cli.doctor", "list what is wrong with the monitoring itself, each with what to do"),
    "ack": ("watch.cli.ack", "acknowledge an alert; without one, list the open alerts"),
    "resolve": ("watch.cli.resolve", "close an alert by hand"),
    "silence": ("watch.cli.silence", "keep alerts from calling anybody, for a time"),
    "audit": ("watch.cli.audit", "export who did what, when and why"),
    "oncall": ("watch.cli.oncall", "show who is on call, and let somebody take over"),
    "alert": ("watch.cli.alert", "try letters and channels: send a test page, preview a letter"),
    "events": ("watch.cli.events", "show everything that happened, in time order; -f follows it"),
    "simulate": (
        "watch.cli.simulate",
        "rehearse: who would be paged, when and why, in a world that a script makes",
    ),
    "replay": (
        "watch.cli.replay",
        "rehearse what was recorded: who would be paged with this or another configuration",
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
        "adjust",
        "render",
        "demo",
        "import",
        "verify",
        "user",
        "store",
    ]
)


# Words that other tools have, and what does it here.
MEANT = {
    "start": "'run' starts the hub.", "serve": "'run' starts the hub.", "daemon": "'run' starts the hub.",
    "stop": "Ctrl-C or SIGTERM ends the hub.",
    "restart": "end the hub with SIGTERM and 'run' it again; a changed configuration needs only 'reload'.",
    "help": "--help lists the verbs.", "version": "--version says it.",
    "mute": "'silence' keeps alerts from calling anybody.", "pause": "'silence' keeps alerts from calling anybody.",
    "snooze": "'silence' keeps alerts from calling anybody.", "acknowledge": "'ack' acknowledges an alert.",
    "alerts": "'ack' lists the open alerts.", "list": "'status' lists all components and checks.",
    "show": "'status' lists all components and checks.", "add": "components and checks are added in the configuration.",
    "test": "'check' asks targets once, 'alert test' sends a test page.",
    "ping": "'check' asks targets once.", "logs": "'events' shows everything that happened.",
    "log": "'events' shows everything that happened.", "history": "'events' shows everything that happened.",
    "lint": "'validate' reads the configuration.", "config": "'validate' reads the configuration.",
    "sla": "'uptime' shows the uptime of a month.",
}  # fmt: skip
_OURS = frozenset({3, 70})  # codes that say more than that the output is full


class Verbs(click.Group):
    """Verbs by name; a mistyped one is answered with the nearest. Each takes ``--config``, before or after it."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        command = self.found(ctx, cmd_name)
        if not any(it.name == "config" for it in command.params):
            command.params.append(config_option())
        return command

    def found(self, ctx: click.Context, name: str) -> click.Command:
        """The verb *name*; UsageError when there is none."""
        command = self.commands.get(name)
        if command is None:
            raise _no_verb(ctx, name, self.list_commands(ctx))
        return command


class _AllVerbs(Verbs):
    """The verbs of the command itself. The module of a verb is imported when the verb is called, not to list it."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(VERBS)

    def found(self, ctx: click.Context, name: str) -> click.Command:
        if name in LATER:
            raise click.UsageError(f"'{name}' is planned but not built yet; --help lists what is.", ctx)
        if name not in VERBS:
            raise _no_verb(ctx, name, list(VERBS), MEANT.get(name) or _planned(name))
        command: click.Command = getattr(importlib.import_module(VERBS[name][0]), name)
        return command

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except (
            BrokenPipeError
        ) as error:  # not of our output, which is guarded; click would make it exit code 1
            raise RuntimeError("another program closed its end of a pipe") from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's
        with formatter.section("Verbs"):
            formatter.write_dl([(verb, text) for verb, (_, text) in VERBS.items()])


def _planned(name: str) -> str:
    """That the verb that *name* surely means is not built yet; empty for another."""
    from difflib import get_close_matches  # noqa: PLC0415 - rarely needed

    near = get_close_matches(name, [*VERBS, *LATER], 1, cutoff=0.8)
    return f"'{near[0]}' is planned but not built yet." if near and near[0] in LATER else ""


def _no_verb(ctx: click.Context, name: str, verbs: Sequence[str], hint: str = "") -> click.UsageError:
    from difflib import get_close_matches  # noqa: PLC0415 - rarely needed

    near = get_close_matches(name, verbs, 1)
    near_hint = f"did you mean '{near[0]}'?" if near else "--help lists the verbs."
    return click.UsageError(f"there is no verb '{name}'; {hint or near_hint}", ctx)


def config_option() -> click.Option:
    """``--config`` of a verb: it replaces the one before the verb."""

    def adopt(ctx: click.Context, _: click.Parameter, path: str | None) -> None:
        if path is not None:
            ctx.obj = path

    text = "The configuration: a file or a folder."
    return click.Option(["--config"], metavar="PATH", help=text, expose_value=False, callback=adopt)


@click.command(cls=_AllVerbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="threenines", message="%(prog)s %(version)s")
@click.option(
    "--config",
    default="checks.yaml",
    show_default=True,
    envvar="THREENINES_CONFIG",
    show_envvar=True,
    metavar="PATH",
    help="The configuration: a file or a folder. It may also follow the verb.",
)
@click.pass_context
def cli(ctx: click.Context, config: str) -> None:
    """Monitoring, uptime and status pages with figures you can defend to the second."""
    ctx.obj = config


def answered(words: Sequence[str] | None) -> int:
    """Run the command *words*, or the process's own command line without them; the exit code."""
    collect_rarely()  # what a verb makes lives until it ends
    with guarded() as loss:
        code = _code(words)
        sys.stdout.flush()
        if message := full(loss):
            click.echo(message, err=True)
            code = code if code in _OURS else 2
    return code


def _code(words: Sequence[str] | None) -> int:
    try:
        code = cli.main(None if words is None else list(words), standalone_mode=False, prog_name="threenines")
    except click.exceptions.Abort:
        click.echo(MESSAGE, err=True)
        return CODE
    except click.NoSuchOption as mistake:
        del (mistake.possibilities or [])[1:]  # the nearest is the first
        mistake.show()
        return 2
    except click.ClickException as mistake:
        mistake.show()
        return 2
    except (Trouble, PermissionError) as trouble:
        return _told(trouble)
    except Exception as bug:  # noqa: BLE001 - the last line of defence
        _confess(bug)
        return 70
    return code if isinstance(code, int) else 0


def _told(trouble: Trouble | PermissionError) -> int:
    """Print what the user can put right; the exit code."""
    if isinstance(trouble, PermissionError):
        from watch.stores.owner import refused  # noqa: PLC0415 - rarely needed

        trouble = Trouble(refused(trouble))
    click.echo(str(trouble), err=True)
    return trouble.exit_code


def _confess(bug: Exception) -> None:
    click.echo(f"threenines: a bug of ours: {type(bug).__name__}: {bug}", err=True)
    if os.environ.get("THREENINES_TRACE"):
        raise bug
    click.echo("Run it again with THREENINES_TRACE=1 for the traceback, and please report it.", err=True)
