"""`threenines init`: write a small, valid checks.yaml after a few questions."""

from __future__ import annotations

import click

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


@click.command()
@click.option("--yes", is_flag=True, help="Ask nothing; use the defaults.")
@click.option("--force", is_flag=True, help="Overwrite an existing file.")
@click.option("--name", default="My service", prompt=False, help="The name of the service.")
@click.option("--url", default="http://127.0.0.1:8080/", prompt=False, help="A web address to check.")
@click.pass_context
def init(ctx: click.Context, name: str, url: str, *, yes: bool, force: bool) -> None:
    """Write a small checks.yaml after a few questions, or with --yes without any."""
    import os  # noqa: PLC0415 - the list of verbs must not pay for what one of them needs
    from pathlib import Path  # noqa: PLC0415 - likewise

    from watch.config import ConfigError, load  # noqa: PLC0415 - likewise

    path = Path(str(ctx.obj))
    if path.exists() and not force:
        raise ConfigError(
            f"{path} exists already: overwrite it with --force, or name another file with --config"
        )
    zone = channel = ""
    if not yes:
        name = click.prompt("What is the service called?", default=name)
        url = click.prompt("Which web address should be checked?", default=url)
        zone = click.prompt("What is its time zone?", default="UTC")
        channel = click.prompt(
            "Where should alerts be sent (an apprise URL; empty: decide later)?",
            default="",
            show_default=False,
        )
    draft = path.with_name(f".{path.name}.new")
    try:
        # A channel is a secret: nobody else may read the file.
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(_text(name, url, zone or "UTC", channel))
        loaded = load(draft, environ=os.environ)
        draft.replace(path)
    except ConfigError as error:
        told = "; ".join(f"{it.message}: {it.cure}" if it.cure else it.message for it in error.mistakes)
        raise ConfigError(f"nothing was written: {told}") from None
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}") from None
    finally:
        draft.unlink(missing_ok=True)
    click.echo(f"{path}: written, with {len(loaded.settings.checks)} check. Next: threenines run {path}")


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
