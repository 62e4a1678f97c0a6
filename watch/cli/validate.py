"""`threenines validate`: every mistake in checks.yaml at once, and warnings about what may not be meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watch.config import Loaded
    from watch.errors import Remark


@click.command()
@click.argument("path", required=False)
@click.option("--without-secrets", is_flag=True, help="Do not read ${env:…} and ${file:…}: for CI.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.pass_context
def validate(ctx: click.Context, path: str | None, *, without_secrets: bool, as_json: bool) -> None:
    """List every mistake in checks.yaml: where it is and what to write instead; exit 2 when there is one.

    PATH is a file or a folder; without it, the one that --config names.
    """
    import os  # noqa: PLC0415 - the list of verbs must not pay for what one of them needs
    from pathlib import Path  # noqa: PLC0415 - likewise

    from watch.clock import SystemClock  # noqa: PLC0415 - likewise
    from watch.config import ConfigError, load  # noqa: PLC0415 - likewise

    file = path or str(ctx.obj)
    try:
        now_ms = SystemClock().now_ms()
        loaded = load(
            Path(file),
            secrets=not without_secrets,
            environ=os.environ,
            now_ms=now_ms,
            gaps=True,
            channels=True,
        )
    except ConfigError as error:
        if not as_json:
            raise
        _print_json(file, str(error), mistakes=error.mistakes)
        ctx.exit(2)
    if as_json:
        _print_json(file, _summary(file, loaded), warnings=loaded.warnings)
        return
    click.echo(_summary(file, loaded))
    for warning in loaded.warnings:
        click.echo(f"\n{_as_warning(warning)}")


def _summary(file: str, loaded: Loaded) -> str:
    from watch.cli.texts import counted  # noqa: PLC0415 - likewise

    components, checks = len(loaded.settings.components), len(loaded.settings.checks)
    warned = f", {counted(len(loaded.warnings), 'warning')}" if loaded.warnings else ""
    return f"{file}: {counted(components, 'component')}, {counted(checks, 'check')}: no mistakes{warned}"


def _as_warning(remark: Remark) -> str:
    from dataclasses import replace  # noqa: PLC0415 - the list of verbs must not pay for it

    return str(replace(remark, message=f"warning: {remark.message}"))


def _print_json(
    file: str, text: str, *, mistakes: Sequence[Remark] | None = None, warnings: Sequence[Remark] = ()
) -> None:
    import json  # noqa: PLC0415 - the list of verbs must not pay for it
    from dataclasses import asdict  # noqa: PLC0415 - likewise

    answer = {
        "file": file,
        "valid": mistakes is None,
        "mistakes": [asdict(it) for it in mistakes or ()],
        "warnings": [asdict(it) for it in warnings],
        "text": text,
    }
    click.echo(json.dumps(answer, indent=2, ensure_ascii=False))
