"""`threenines run`: the hub, its own vantage point and the status page, in the foreground."""

from __future__ import annotations

import click


@click.command()
@click.argument("path", required=False, metavar="[CHECKS.YAML]")
@click.option("--verbose", "-v", is_flag=True, help="Log normal events too, not only warnings and errors.")
@click.pass_obj
def run(config: str, path: str | None, *, verbose: bool) -> None:
    """Run the hub until SIGTERM or Ctrl-C. SIGHUP or a changed file reloads the configuration."""
    import logging  # noqa: PLC0415 - `--help` pays for none of these
    from importlib.metadata import version  # noqa: PLC0415
    from pathlib import Path  # noqa: PLC0415

    from watch.app import App  # noqa: PLC0415
    from watch.cli.loop import run_loop  # noqa: PLC0415
    from watch.cli.output import detach  # noqa: PLC0415
    from watch.cli.texts import counted  # noqa: PLC0415
    from watch.clock import SystemClock  # noqa: PLC0415
    from watch.limits import collect_rarely  # noqa: PLC0415
    from watch.reload import read_to_run  # noqa: PLC0415

    detach()
    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    logging.getLogger("watch.app").setLevel(logging.INFO)  # what a reload changed is said in any case
    file = Path(path or config)
    loaded = read_to_run(file, SystemClock().now_ms())
    settings = loaded.settings
    click.echo(
        f"Threenines {version('threenines')}: {counted(len(settings.components), 'component')}, "
        f"{counted(len(settings.checks), 'check')} from {file}"
    )
    for warning in loaded.warnings:
        click.echo(f"note: {warning}", err=True)

    async def serve() -> None:
        app = App(file, loaded, click.echo)
        collect_rarely()
        while await app.run():
            app = app.again()

    run_loop(serve)
    click.echo("Stopped; all readings are on disk.")
