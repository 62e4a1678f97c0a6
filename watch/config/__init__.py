"""checks.yaml → core objects, or every mistake at once with its line.

The steps, one file each: `reader` (bytes → text, merges a folder), `composer` (text → nodes with places, within
bounds), `expansion` (writes out a check for many targets), `references` (fills in `${env:…}`), `document` and `check`
(nodes → values, by shapes), `assembly` (values → `Settings`, and mistakes that only two parts together show),
`cautions` (warnings: valid, but perhaps not intended).
"""

from __future__ import annotations

import gc
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from watch.errors import ConfigError, Remark

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from watch.config.references import References
    from watch.core.settings import Settings

__all__ = ["ConfigError", "Loaded", "load"]


@dataclass(frozen=True, slots=True)
class Loaded:
    """A valid configuration.

    Args:
        warnings: What is valid but perhaps not intended, in the file's order.
        sources: Every file that was read, those of `${file:…}` last. When one changes, load again.
        left_out: The references that placeholders stand for.
        unusable: The channels whose URLs apprise does not accept: (person, number from 1).
    """

    settings: Settings
    warnings: tuple[Remark, ...]
    sources: tuple[Path, ...]
    left_out: tuple[str, ...] = ()
    unusable: tuple[tuple[str, int], ...] = ()


def load(
    path: Path,
    *,
    environ: Mapping[str, str],
    secrets: bool = True,
    alerts: bool = True,
    store_only: bool = False,
    now_ms: int | None = None,
    gaps: bool = False,
    channels: bool = False,
) -> Loaded:
    """Read the file or folder at *path*.

    Args:
        secrets: False puts placeholders for `${env:…}` and `${file:…}`: for validation only, not for running.
        alerts: False does so in the keys that only alerts need.
        store_only: True also does so for references without a value, except in `store`: for verbs that only read.
        environ: The variables that `${env:…}` refers to.
        now_ms: Also warn about clock changes within two years from then (Unix time in ms).
        gaps: Also warn about times within seven days from then in which nobody is on call. Who knows the overrides
            that were made by command should look for gaps with them instead.
        channels: Also ask apprise about the whole URL of each channel, which takes half a second.

    Raises:
        ConfigError: The configuration is not valid; `mistakes` lists every reason.
    """
    from watch.config.findings import Findings, TooManyMistakes  # noqa: PLC0415 - only loading needs yaml and the shapes
    from watch.config.paths import files  # noqa: PLC0415 - likewise
    from watch.config.references import References, fills  # noqa: PLC0415 - likewise

    findings, paths = Findings(), files(path)
    references = References(environ, findings, fills(secrets=secrets, alerts=alerts, store_only=store_only))
    settings = None
    with _gc_paused(), suppress(TooManyMistakes):
        settings = _settings(paths, references, now_ms, gaps=gaps, channels=channels)
    if settings is None:
        raise findings.error()
    read = (*paths, *dict.fromkeys(references.files))
    left_out = tuple(dict.fromkeys(references.left_out))
    return Loaded(settings, findings.warnings(), read, left_out, tuple(findings.unusable))


def _settings(
    paths: tuple[Path, ...], references: References, now_ms: int | None, *, gaps: bool, channels: bool
) -> Settings | None:
    """All steps in order; None when there were mistakes."""
    from watch.config.assembly import assembled  # noqa: PLC0415 - as in `load`
    from watch.config.document import DOCUMENT  # noqa: PLC0415 - likewise
    from watch.config.expansion import expand  # noqa: PLC0415 - likewise
    from watch.config.reader import tree  # noqa: PLC0415 - likewise

    findings = references.findings
    root = tree(paths, findings)
    if findings.unreadable:
        return None
    if not root.entries:
        cure = "run `threenines init` to write a small configuration"
        findings.mistake(root, "the configuration is empty", cure)
        return None
    expand(root, findings)
    if findings.refers:
        references.resolve(root)
    document = DOCUMENT.fields_of(root, root.entries, findings)
    return assembled(document, paths[0].parent, findings, now_ms, gaps=gaps, channels=channels)


@contextmanager
def _gc_paused() -> Iterator[None]:
    """Pause the cyclic garbage collector: it would walk a large tree a dozen times, a third of the load time.

    Where what lives long is exempt from collections (`watch.limits`), so is what was made here: the next collection
    would walk all of it at once.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            if gc.get_freeze_count():
                gc.freeze()
            gc.enable()
