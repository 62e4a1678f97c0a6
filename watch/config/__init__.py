"""checks.yaml → core objects, or every mistake at once with its line.

The way through, one file each: `reader` (bytes → text, folders merged), `composer` (text → nodes with places,
bounded), `expansion` (checks for many targets written out), `references` (`${env:…}` filled in), `document` and `check`
(nodes → values, by shapes), `assembly`
(values → `Settings`, with what is wrong between them), `cautions` (what works but perhaps not as meant).
"""

from __future__ import annotations

import gc
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from watch.ports import ConfigError, Remark

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from watch.config.references import References
    from watch.core.settings import Settings

__all__ = ["ConfigError", "Loaded", "load"]


@dataclass(frozen=True, slots=True)
class Loaded:
    """A configuration that can be used.

    Args:
        warnings: What works but perhaps not as meant, in the file's order.
        sources: Every file that was read, those behind `${file:…}` last: when one changes, load again.
    """

    settings: Settings
    warnings: tuple[Remark, ...]
    sources: tuple[Path, ...]


def load(
    path: Path, *, secrets: bool = True, environ: Mapping[str, str], now_ms: int | None = None
) -> Loaded:
    """Read the file or folder at *path*.

    Args:
        secrets: False puts placeholders for `${env:…}` and `${file:…}`: good for checking, not for running.
        environ: What `${env:…}` refers to.
        now_ms: Warn of what the calendar holds within two years from then.

    Raises:
        ConfigError: It cannot be used; `mistakes` has every reason.
    """
    from watch.config.findings import Enough, Findings  # noqa: PLC0415 - yaml and the shapes are for readers
    from watch.config.reader import files  # noqa: PLC0415 - likewise
    from watch.config.references import References  # noqa: PLC0415 - likewise

    findings, paths = Findings(), files(path)
    references = References(environ, findings, secrets)
    settings = None
    with _undisturbed(), suppress(Enough):
        settings = _settings(paths, references, now_ms)
    if settings is None:
        raise findings.error()
    return Loaded(settings, findings.warnings(), (*paths, *dict.fromkeys(references.files)))


def _settings(paths: tuple[Path, ...], references: References, now_ms: int | None) -> Settings | None:
    """The whole way through; None when there were mistakes."""
    from watch.config.assembly import assembled  # noqa: PLC0415 - as in `load`
    from watch.config.document import DOCUMENT  # noqa: PLC0415 - likewise
    from watch.config.expansion import expand  # noqa: PLC0415 - likewise
    from watch.config.reader import tree  # noqa: PLC0415 - likewise

    findings = references.findings
    root = tree(paths, findings)
    if findings.unreadable:
        return None
    if not root.entries:
        cure = "`threenines init` writes a small file to begin with"
        findings.mistake(root, "nothing is configured here", cure)
        return None
    expand(root, findings)
    if findings.refers:
        references.resolve(root)
    document = DOCUMENT.fields_of(root, root.entries, findings)
    return assembled(document, paths[0].parent, findings, now_ms)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Without the cyclic garbage collector: it would walk a large tree a dozen times, a third of the time."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()
