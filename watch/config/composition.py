"""Components as sets of checks and of other components: the rules that only several components together can break."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Mapping

from watch.config.findings import Findings, quoted, unknown_name
from watch.config.mapping import Fields
from watch.config.node import Node, Scalar, guessed

_SHOWN_KEYS = 8  # keys in a message
Written = Mapping[str, tuple[Fields, Scalar]]


def members(key: str, fields: Fields) -> tuple[str, ...]:
    """A component's members: its checks as ``component/check``, then the components it contains."""
    return (*(f"{key}/{check}" for check in fields["checks"] or {}), *_inside(fields))


def _inside(fields: Fields) -> tuple[str, ...]:
    return tuple(name for name, node in fields["contains"] or () if not guessed(node))


def needed(fields: Fields) -> tuple[str, ...]:
    """What a component depends on."""
    return tuple(dict.fromkeys(name for name, node in fields["depends_on"] or () if not guessed(node)))


def compare(components: Written, findings: Findings) -> None:
    """Record mistakes between components."""
    for key, (fields, at) in components.items():
        if key == "all":
            findings.mistake(
                at,
                "`all` means every component, so no component can be called `all`",
                "choose another key",
                cut=True,
            )
        _contained(key, fields, components, findings)
        for name, node in fields["depends_on"] or ():
            if name not in components and not guessed(node):
                others = tuple(other for other in components if other != key)
                unknown_name(node, "component", name, others, findings)
        _size(key, fields, at, findings)
    former(components, components, "the history of {was}", findings, swaps=True)
    inside = {key: _inside(fields) for key, (fields, _) in components.items()}
    for loop in _loops(inside):
        shown = loop if len(loop) <= _SHOWN_KEYS else (*loop[: _SHOWN_KEYS - 2], "…", loop[-1])
        told = " → ".join(quoted(key) for key in shown)
        place = next(node for name, node in components[loop[-2]][0]["contains"] if name == loop[-1])
        findings.mistake(
            place, f"{quoted(loop[0])} contains itself: {told}", "remove one of them from `contains`"
        )
    if not any(_loops(inside)):
        _circular(components, inside, findings)


def _circular(components: Written, inside: Mapping[str, tuple[str, ...]], findings: Findings) -> None:
    """Record components that depend on themselves, or on what contains them."""
    both = {key: (*needed(fields), *inside[key]) for key, (fields, _) in components.items()}
    for loop in _loops(both):
        steps = [(a, b) for a, b in itertools.pairwise(loop) if b in needed(components[a][0])]
        at, cause = steps[-1]
        place = next(node for name, node in components[at][0]["depends_on"] if name == cause)
        told = " → ".join(
            quoted(key) for key in (loop if len(loop) <= _SHOWN_KEYS else (*loop[:6], "…", loop[-1]))
        )
        findings.mistake(
            place,
            f"{quoted(at)} depends on what depends on it, or contains it: {told}",
            "remove one of them from `depends_on`",
        )


def _contained(key: str, fields: Fields, components: Written, findings: Findings) -> None:
    seen = set()
    for name, node in fields["contains"] or ():
        if guessed(node):
            continue
        if name not in components:
            unknown_name(
                node, "component", name, tuple(other for other in components if other != key), findings
            )
        elif name in seen:
            findings.mistake(node, f"{quoted(key)} already contains {quoted(name)}", "remove one of the two")
        seen.add(name)


def _size(key: str, fields: Fields, at: Scalar, findings: Findings) -> None:
    size = len(fields["checks"] or {}) + len(fields["contains"] or ())
    refused = (fields.wrote("checks") and fields["checks"] is None) or (
        fields.wrote("contains") and not fields["contains"]
    )
    if not size and not refused and not (fields.wrote("checks") and _has_entries(fields.at("checks"))):
        findings.mistake(
            at,
            f"the component {quoted(key)} has no checks and contains no components",
            "add `checks` or `contains`",
            cut=True,
        )
    needs = fields["needs"]
    whole = _entries(fields.at("checks")) + len(fields["contains"] or ()) if fields.wrote("checks") else size
    if needs is not None and whole and needs.n != whole and not guessed(fields.at("needs")):
        what = ", ".join(quoted(member) for member in members(key, fields)[:6])
        findings.mistake(
            fields.at("needs"),
            f"{quoted(key)} has {whole} member{'s' * (whole != 1)}, not {needs.n}: {what}",
            f"write {min(needs.k, whole)} of {whole}",
        )


def _entries(node: Node) -> int:
    return len(getattr(node, "entries", ()))


def _has_entries(node: Node) -> bool:
    """Whether there are entries; refused checks count too."""
    return _entries(node) > 0


def former(
    written: Written, names: Collection[str], what: str, findings: Findings, *, swaps: bool = False
) -> None:
    """Record mistakes between the former names (`was`) of *written*.

    Args:
        names: All names that are written, those of refused items included.
        what: What is taken over of the former name, like ``the history of {was}``.
        swaps: Names may change places: each of them is the `was` of another one.
    """
    heirs: dict[str, str] = {}
    for key, (fields, _) in written.items():
        was = fields["was"]
        if was is None or guessed(fields.at("was")):
            continue
        if was in names and not (swaps and was != key and _swapped(key, written)):
            other = "itself" if was == key else f"{quoted(was)}, which still exists"
            findings.mistake(
                fields.at("was"),
                f"{quoted(key)} cannot take over {what.format(was=other)}",
                f"remove `was`, or {quoted(was)}" if was != key else "remove `was`",
            )
        elif was in heirs:
            findings.mistake(
                fields.at("was"),
                f"{quoted(heirs[was])} already takes over {what.format(was=quoted(was))}",
                "remove one of the two `was`",
            )
        heirs.setdefault(was, key)


def _swapped(key: str, written: Written) -> bool:
    """Whether following `was` from *key* leads back to it."""
    seen = {key}
    name = written[key][0]["was"]
    while name in written and name not in seen:
        seen.add(name)
        name = written[name][0]["was"]
    return bool(name == key)


def _loops(edges: Mapping[str, tuple[str, ...]]) -> Iterator[tuple[str, ...]]:
    """One path for each way in which *edges* lead back to a component. Not recursive: a chain may be long."""
    inside = {key: [name for name in names if name in edges] for key, names in edges.items()}
    done: set[str] = set()
    path: dict[str, None] = {}  # a dict: ordered, with a fast lookup
    todo: list[Iterator[str]] = [iter(inside)]
    while todo:
        key = next(todo[-1], None)
        if key is None:
            todo.pop()
            if path:
                done.add(path.popitem()[0])
        elif key in path:
            keys = list(path)
            yield (*keys[keys.index(key) :], key)
        elif key not in done:
            path[key] = None
            todo.append(iter(inside[key]))
