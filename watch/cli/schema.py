"""`threenines schema`: the JSON Schema with which an editor completes and validates checks.yaml."""

from __future__ import annotations

import click


@click.command()
def schema() -> None:
    """Print the JSON Schema of checks.yaml.

    Save it, and begin checks.yaml with `# yaml-language-server: $schema=./checks.schema.json`.
    """
    import json  # noqa: PLC0415 - the list of verbs must not pay for it

    from watch.config.schema import schema as whole  # noqa: PLC0415 - imports every kind of probe

    click.echo(json.dumps(whole(), indent=2, ensure_ascii=False))
