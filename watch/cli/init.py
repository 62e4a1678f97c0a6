"""`threenines init`: write a small, valid checks.yaml after a few questions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from pathlib import Path

_QUESTIONS = (
    ("name", "What is the service called?"),
    ("url", "Which web address should be checked?"),
    ("zone", "What is its time zone?"),
    ("channel", "Where should alerts be sent (an apprise URL; empty: decide later)?"),
)
_TEMPLATE = """\
# Written by `threenines init`. Try: threenines validate, then threenines run.
# `threenines probes` lists the kinds of checks; `threenines schema` is for your editor.

service:
  name: {name}
  timezone: {timezone}      # the page's days, and times written without a zone
  target: 99.9%

components:
  web:                      # the key identifies it: history stays when the name changes
    name: {component}
    checks:
      home:
        http: {url}
        every: 30s
        expect: [status in 200..299, latency < 5s]     # broken: down
        warn: [latency < 1s]                           # broken: degraded

vantages:
  here:
    local: true
    canaries: [{{icmp: 127.0.0.1}}]    # better: your gateway and your resolver

{people}"""
_PEOPLE = """\
people:
  {person}: {{channels: [{channel}]}}     # any apprise URL, first choice first

alerts:
  - {{when: down, components: all}}
  - {{when: degraded, components: all, for: 10m}}
  - {{when: monitor}}                # trouble of the monitoring
"""
_NOBODY = """\
# Nobody is notified yet. Any apprise URL works, and secrets can come from ${env:NAME} or ${file:/path}:
# people:
#   alice: {channels: ["ntfy://my-topic"]}
# alerts:
#   - {when: down, components: all}
"""


_MOST_TRIES = 20  # wrong answers to one question: then it is a program that answers, and not a person


@click.command()
@click.option("--yes", is_flag=True, help="Ask nothing; use the defaults.")
@click.option("--force", is_flag=True, help="Overwrite an existing file.")
@click.option("--name", default="My service", prompt=False, help="The name of the service.")
@click.option("--url", default="http://127.0.0.1:8080/", prompt=False, help="A web address to check.")
@click.pass_context
def init(ctx: click.Context, name: str, url: str, *, yes: bool, force: bool) -> None:
    """Write a small checks.yaml after a few questions, or with --yes without any. A wrong answer is asked for again."""
    from pathlib import Path  # noqa: PLC0415 - the list of verbs must not pay for what one of them needs

    from watch.config import ConfigError  # noqa: PLC0415 - likewise

    path = Path(str(ctx.obj))
    if path.exists() and not force:
        raise ConfigError(
            f"{path} exists already: overwrite it with --force, or name another file with --config"
        )
    answers = {"name": name, "url": url, "zone": "UTC", "channel": ""}
    if not yes:
        answers |= _answers(path, answers)
    told, checks = _tried(path, answers, keep=True)
    if told:
        raise ConfigError(f"nothing was written: {told}")
    click.echo(f"{path}: written, with {checks} check. Next: threenines run {path}")


def _answers(path: Path, defaults: dict[str, str]) -> dict[str, str]:
    """What the questions are answered with, each of them once it is valid."""
    from watch.config import ConfigError  # noqa: PLC0415 - as above

    given = dict(defaults)
    try:
        for key, question in _QUESTIONS:
            tries = _Tries(path, key, given)
            shown = bool(defaults[key])
            # The questions go to standard error, so that only the result is output.
            given[key] = click.prompt(question, defaults[key], value_proc=tries, show_default=shown, err=True)
    except click.Abort:
        click.echo(err=True)
        raise ConfigError("The input ended before the last question; nothing was written.") from None
    return given


class _Tries:
    """Checks the answers to one question, beside those that were given before."""

    def __init__(self, path: Path, key: str, given: dict[str, str]) -> None:
        self._path, self._key, self._given = path, key, given
        self._count = 0

    def __call__(self, answer: str) -> str:
        """*answer*; UsageError, after which click asks again, when it is wrong."""
        from watch.config import ConfigError  # noqa: PLC0415 - as above

        told, _ = _tried(self._path, self._given | {self._key: answer}, keep=False)
        if told:
            self._count += 1
            if self._count >= _MOST_TRIES:
                click.echo(err=True)
                raise ConfigError(f"nothing was written after {_MOST_TRIES} wrong answers: {told}")
            raise click.UsageError(told)
        return answer


def _tried(path: Path, answers: dict[str, str], *, keep: bool) -> tuple[str, int]:
    """What is wrong with the configuration of *answers*, and the number of its checks.

    Args:
        keep: Put it at *path* when nothing is wrong.
    """
    import os  # noqa: PLC0415 - as above
    import signal  # noqa: PLC0415 - as above

    from watch.config import ConfigError, load  # noqa: PLC0415 - as above

    draft = path.with_name(f".{path.name}.new")
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # Ctrl-C must leave no draft
    try:
        # A channel is a secret: nobody else may read the file.
        with os.fdopen(
            os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600), "w"
        ) as file:
            file.write(_text(**answers))
        loaded = load(draft, environ=os.environ, channels=True)
        if loaded.unusable:
            return "apprise does not accept this channel: write one of its URLs, like ntfy://topic", 0
        if keep:
            draft.replace(path)
    except ConfigError as error:
        told = [f"{it.message}: {it.cure}" if it.cure else it.message for it in error.mistakes]
        told = [text.removeprefix("`url`: ") for text in told]  # who answers sees no keys
        return "; ".join(dict.fromkeys(told)), 0
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}") from None
    finally:
        draft.unlink(missing_ok=True)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return "", len(loaded.settings.checks)


def _text(name: str, url: str, zone: str, channel: str) -> str:
    people = _PEOPLE.format(person="me", channel=_quoted(channel)) if channel.strip() else _NOBODY
    return _TEMPLATE.format(
        name=_quoted(name),
        component=_quoted(f"{name} website"),
        url=_quoted(url),
        timezone=_quoted(zone),
        people=people,
    )


def _quoted(text: str) -> str:
    """*text* as a YAML scalar; a reference like `${env:NAME}` still works in it."""
    import json  # noqa: PLC0415 - the list of verbs must not pay for it

    return json.dumps(text.strip(), ensure_ascii=False)
