"""checks.yaml → core objects, or every mistake at once with its line.

The way through, one file each: `reader` (bytes → text, folders merged), `composer` (text → nodes with places,
bounded), `references` (`${env:…}` filled in), `document` and `check` (nodes → values, by shapes), `assembly`
(values → `Settings`, with what is wrong between them), `cautions` (what works but perhaps not as meant).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from watch.ports import ConfigError, Remark

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

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
    from watch.config.assembly import assembled  # noqa: PLC0415 - yaml and the shapes are for readers only
    from watch.config.document import DOCUMENT  # noqa: PLC0415 - yaml and the shapes are for readers only
    from watch.config.findings import Enough, Findings  # noqa: PLC0415 - yaml and the shapes are for readers only
    from watch.config.reader import files, tree  # noqa: PLC0415 - yaml and the shapes are for readers only
    from watch.config.references import References  # noqa: PLC0415 - yaml and the shapes are for readers only

    findings = Findings()
    paths = files(path)
    references = References(environ, findings, secrets)
    settings = None
    try:
        root = tree(paths, findings)
        if not root.entries and not findings.unreadable:
            findings.mistake(
                root, "nothing is configured here", "`threenines init` writes a small file to begin with"
            )
        elif not findings.unreadable:
            references.resolve(root)
            document = DOCUMENT.fields_of(root, root.entries, findings)
            settings = assembled(document, paths[0].parent, findings, now_ms)
    except Enough:
        settings = None
    if settings is None:
        raise findings.error()
    return Loaded(settings, findings.warnings(), (*paths, *dict.fromkeys(references.files)))
