"""Vantage points: the hub's own one, and whether each check can run from the ones it names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watch.config.canary import same
from watch.config.findings import Findings, quoted, unknown_name
from watch.config.node import guessed, scalars
from watch.core.settings import Vantage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watch.config.check import ReadCheck
    from watch.config.mapping import Fields
    from watch.config.node import Scalar

IMPLICIT = "local"


def vantages_of(document: Fields, site: str | None, findings: Findings) -> dict[str, Vantage]:
    """The hub's own vantage point, by name: the configured one, or an implicit one."""
    written: Mapping[str, tuple[Fields, Scalar]] = document["vantages"] or {}
    if not written:
        return {IMPLICIT: Vantage(name=IMPLICIT, site=site or IMPLICIT)}
    own = next((name for name, (fields, _) in written.items() if fields["local"]), next(iter(written)))
    for name, (fields, key) in written.items():
        if fields["local"] and name != own:
            findings.mistake(
                key,
                f"{quoted(own)} is already the hub's own vantage point",
                "only one can be `local: true`",
                cut=True,
            )
        elif name != own or fields["local"] is False:
            findings.mistake(
                key,
                f"{quoted(name)} is a remote vantage point; these are not built yet",
                "keep only the hub's own vantage point" if len(written) > 1 else "write `local: true`",
                cut=True,
            )
    fields, _ = written[own]
    return {own: _vantage(own, fields, site, findings)}


def _vantage(name: str, fields: Fields, site: str | None, findings: Findings) -> Vantage:
    canaries = fields["canaries"] or ()
    for index, (canary, node) in enumerate(canaries):
        if (
            canary.probe is not None
            and not any(map(guessed, scalars(node)))
            and any(same(canary, other) for other, _ in canaries[:index])
        ):
            findings.mistake(
                node, "this canary is the same as another one", "ask a target that can fail independently"
            )
    return Vantage(
        name=name, site=fields["site"] or site or IMPLICIT, canaries=tuple(canary for canary, _ in canaries)
    )


def compare(check: ReadCheck, vantages: Mapping[str, Vantage], findings: Findings) -> None:
    """Record mistakes between a check and the vantage points."""
    for name, node in check.sources:
        if name not in vantages:
            unknown_name(node, "vantage point", name, tuple(vantages), findings)
    compare_pool(check.fields, vantages, findings)


def compare_pool(fields: Fields, vantages: Mapping[str, Vantage], findings: Findings) -> None:
    """Record a `down_when` that asks for more vantage points than there are."""
    wanted, count = fields["down_when"], len(vantages)
    if isinstance(wanted, int) and wanted > count:
        wrong = (
            f"`down_when` asks for {wanted} vantage points, but there {'is' if count == 1 else 'are'} {count}"
        )
        findings.mistake(fields.at("down_when"), wrong, f"write {count} or `majority`")
