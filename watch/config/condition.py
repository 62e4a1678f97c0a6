"""The `when` of an alert rule: a word, or a condition over the facts of checks like `certificate.left < 14d`.

A condition is compiled for each kind of check that its rule covers. It is a mistake if no check of the rule can have
its facts; a component that the rule names and that has no such check is a warning.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from watch.config.check import refuse_sentence
from watch.config.findings import Findings, quoted
from watch.config.kind import Missing, help_of
from watch.config.node import Node, Scalar
from watch.config.shape import Choice, Schema
from watch.core.expect import compile_expectation
from watch.core.expect.errors import ExpectationError
from watch.core.expect.tokens import Kind, tokens
from watch.core.fact_condition import FactCondition
from watch.core.settings import When

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from watch.core.reading import FactSpec

_WORDS = tuple(str(when) for when in When if when is not When.FACT)
_CHOICE = Choice(_WORDS, ("burn",))
_SENTENCE = re.compile(r"[\s<>=!()]")  # no word has these
LIKE = 'a condition like "certificate.left < 14d"'


@dataclass(frozen=True, slots=True)
class WhenShape:
    """The shape of `when`: the text as written."""

    words: Choice = _CHOICE

    @property
    def what(self) -> str:
        return f"{self.words.what.replace(' or ', ', ')}, or {LIKE}"

    def read(self, node: Node, findings: Findings) -> str | None:
        if isinstance(node, Scalar) and not node.placeholder and _SENTENCE.search(node.text.strip()):
            return node.text
        return self.words.read(node, findings)

    def schema(self) -> Schema:
        return {"anyOf": [self.words.schema(), {"type": "string", "pattern": _SENTENCE.pattern}]}


def is_condition(when: str) -> bool:
    return when not in _WORDS


def tests_of(
    node: Node, text: str, scope: Mapping[str, Collection[str]], findings: Findings
) -> dict[str, FactCondition]:
    """*text*, compiled for each kind of check in *scope* that has its facts.

    Args:
        scope: By component, the kinds of its checks.
    """
    kinds = {kind: _facts(kind) for kind in dict.fromkeys(k for some in scope.values() for k in some)}
    known = {name: fact for facts in kinds.values() for name, fact in facts.items()}
    if not known:  # refused checks, or none: that is another mistake
        return {}
    try:
        _compiled(text, known)
    except ExpectationError as error:
        if error.message.startswith("there is no fact"):
            error.message = (
                f"no check that this rule covers has a fact{error.message[16:].removesuffix(' here')}"
            )
        refuse_sentence(error, node, findings)
        return {}
    found = {}
    for kind, facts in kinds.items():
        try:
            found[kind] = _compiled(text, facts)
        except ExpectationError:  # it has not all of these facts
            continue
    if not found:
        wrong = "no check that this rule covers has all of these facts"
        findings.mistake(node, wrong, "write a rule for each of them")
    return found


def caution_uncovered(
    node: Node, scope: Mapping[str, Collection[str]], tests: Mapping[str, object], findings: Findings
) -> None:
    """Record a warning for the components in *scope* of which no check has the facts."""
    without = [key for key, kinds in scope.items() if not tests.keys() & set(kinds)]
    if tests and without:
        more = f" and {len(without) - 1} more" if len(without) > 1 else ""
        said = f"no check of {quoted(without[0])}{more} has these facts: this rule does nothing there"
        findings.caution(node, said, ineffective=True)


def _facts(kind: str) -> Mapping[str, FactSpec]:
    try:
        return {name: fact for name, fact in help_of(kind).facts.items() if name != "body"}
    except Missing:
        return {}


def _compiled(text: str, facts: Mapping[str, FactSpec]) -> FactCondition:
    for token in tokens(text):
        word = token.name if token.kind is Kind.CALL else token.text
        if token.kind is Kind.CALL or (token.kind is Kind.WORD and word in ("body", "gap", "exists")):
            raise ExpectationError(
                f"{word!r} cannot be in a condition of an alert rule", token.start,
                "write it as `warn` of the check, and alert `when: degraded`",
            )  # fmt: skip
    sentence = compile_expectation(text, facts)
    return FactCondition(sentence, tuple(facts[name] for name in sorted(sentence.names)))
