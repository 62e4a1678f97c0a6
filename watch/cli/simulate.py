"""`threenines simulate`: who would be paged, when and why, in a world that a script makes."""

from __future__ import annotations

import click


@click.command()
@click.argument("path", required=False)
@click.option(
    "--script", metavar="FILE", required=True, help="The script: what goes wrong when, and what people do."
)
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.pass_obj
def simulate(config: str, path: str | None, script: str, *, as_json: bool) -> None:
    """Run the whole pipeline on a virtual clock and print who would be paged, when, and why.

    PATH is a configuration; without it, the one that --config names. Nothing is asked, sent or written, and no secret
    is needed. docs/how-to/rehearse.md describes the script.
    """
    import asyncio  # noqa: PLC0415 - `--help` does not pay for these
    import os  # noqa: PLC0415
    from pathlib import Path  # noqa: PLC0415

    import orjson  # noqa: PLC0415

    from watch.config import load  # noqa: PLC0415
    from watch.rehearsal.script_file import script_at  # noqa: PLC0415
    from watch.rehearsal.simulation import Simulation  # noqa: PLC0415
    from watch.rehearsal.telling import told, value  # noqa: PLC0415
    from watch.rehearsal.wording import stamp  # noqa: PLC0415

    file = path or config
    loaded = load(Path(file), secrets=False, environ=os.environ, channels=True)
    settings = loaded.settings
    scripted = script_at(Path(script), settings)
    simulation = Simulation(settings, scripted, unusable=loaded.unusable)
    asyncio.run(simulation.run())
    zone = settings.service.timezone
    if as_json:
        answer = value(simulation.diary, scripted.start_ms, scripted.end_ms, zone)
        answer |= {"configuration": file, "script": script}
        click.echo(orjson.dumps(answer, option=orjson.OPT_INDENT_2).decode())
        return
    span = f"{stamp(scripted.start_ms, zone)} to {stamp(scripted.end_ms, zone)}, {zone.key}"
    click.echo(f"Rehearsal of {file} with {script}: {span}")
    click.echo("Nothing was asked, sent or written.")
    for line in told(simulation.diary, zone):
        click.echo(line)
