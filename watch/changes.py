"""The differences between two settings, for people, and which of them only a restart can take over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from watch.core.settings import Settings
from watch.errors import RestartNeeded

if TYPE_CHECKING:
    from collections.abc import Sequence

Changes = dict[str, list[str]]
WORDS = ("added", "removed", "renamed", "changed")
# What the process has opened by these settings stays open until it ends.
NEED_A_RESTART = ("store", "listen")
_SHOWN = 5
# Words of checks.yaml, where the field of `Settings` has another one.
_FILE_WORDS = {"page": "status_page", "windows": "maintenance"}
_OF_ONE = {
    "vantages": "vantage point", "components": "component", "checks": "check", "windows": "maintenance window",
    "people": "person", "rotations": "rotation", "escalations": "escalation",
}  # fmt: skip


def compared(old: Settings, new: Settings) -> tuple[Changes, Settings]:
    """The `changes`, and *new* with the former check wherever it is equal: who compares them sees it at once."""
    checks = {
        name: before if (before := old.checks.get(name)) is not None and before == check else check
        for name, check in new.checks.items()
    }
    return changes(old, new), replace(new, checks=checks)


def changes(old: Settings, new: Settings) -> Changes:
    """What *new* adds, removes, renames and changes, by name; RestartNeeded when a part of it needs a restart.

    Every field of `Settings` is compared: a setting that is not taken over is refused by its name.
    """
    fixed = [name for name in NEED_A_RESTART if getattr(old, name) != getattr(new, name)]
    if old.vantage.name != new.vantage.name:
        fixed.append(f"the hub's own vantage point (`vantages`: {old.vantage.name}, now {new.vantage.name})")
    if fixed:
        raise RestartNeeded(tuple(fixed))
    found: Changes = {word: [] for word in WORDS}
    for one in fields(Settings):
        before, after = getattr(old, one.name), getattr(new, one.name)
        if isinstance(before, Mapping):
            _compare(_OF_ONE[one.name], before, after, _former(one.name, old, new), found)
        elif before != after and not _follows(one.name, old, new):
            found["changed"].append(_FILE_WORDS.get(one.name, one.name))
    return {word: sorted(names) for word, names in found.items()}


def _follows(name: str, old: Settings, new: Settings) -> bool:
    """Whether a list of names differs only by what was added, removed or renamed: that is told already."""
    if name == "catch_all":
        return _same(old.catch_all, new.catch_all, "people", old, new)
    if name != "alerts" or len(old.alerts) != len(new.alerts):
        return False
    return all(
        replace(before, components=()) == replace(after, components=())
        and _same(before.components, after.components, "components", old, new)
        for before, after in zip(old.alerts, new.alerts, strict=True)
    )


def _same(before: Sequence[str], after: Sequence[str], kind: str, old: Settings, new: Settings) -> bool:
    """Whether *before* and *after* are the same names, as far as both settings have them."""
    former = _former(kind, old, new)
    newer = {was: name for name, was in former.items()}
    names = {newer.get(name, name) for name in before} & set(getattr(new, kind))
    return names == {name for name in after if name in former or name in getattr(old, kind)}


def _compare(
    word: str, before: Mapping[str, Any], after: Mapping[str, Any], former: Mapping[str, str], found: Changes
) -> None:
    """Add the differences of one mapping to *found*. *former*: new name → former name of what is renamed."""
    gone = set(former.values())
    found["renamed"] += [f"{word} {was} to {name}" for name, was in former.items()]
    found["added"] += [f"{word} {name}" for name in after if name not in before and name not in former]
    found["removed"] += [f"{word} {name}" for name in before if name not in after and name not in gone]
    kept = [name for name in after if name in before and name not in former]
    found["changed"] += [f"{word} {name}" for name in kept if after[name] != before[name]]
    if not former and kept != [name for name in before if name in after]:
        found["changed"].append(f"the order of {word}s" if word != "person" else "the order of people")


def _former(kind: str, old: Settings, new: Settings) -> dict[str, str]:
    """What is renamed: new name → former name. A check has the name of its component."""
    if kind in ("components", "people"):
        before, after = getattr(old, kind), getattr(new, kind)
        found = {name: one.was for name, one in after.items() if one.was in before}
        # Names that change places keep their `was` in the file; it counts when it is written.
        return {
            n: was for n, was in found.items() if was not in after or n not in before or before[n].was != was
        }
    if kind != "checks":
        return {}
    parts = _former("components", old, new)
    named = ((c.component, name) for name, c in new.checks.items() if c.component in parts)
    names = {name: f"{parts[component]}{name[len(component) :]}" for component, name in named}
    return {name: was for name, was in names.items() if was in old.checks}


def told(found: Changes) -> str:
    """*found* as one line: ``added check db/q and component db; changed retention``."""
    parts = [f"{word} {_listed(found[word])}" for word in WORDS if found[word]]
    return "; ".join(parts) or "nothing has changed"


def _listed(names: Sequence[str]) -> str:
    if len(names) <= _SHOWN:
        return " and ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)
    return f"{', '.join(names[:_SHOWN])} and {len(names) - _SHOWN:,} more"
