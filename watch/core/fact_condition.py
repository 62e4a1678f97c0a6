"""A condition over the facts of a reading, as an alert rule names it: `when: "certificate.left < 14d"`.

The language is that of expectations (`watch.core.expect`). A condition says what is to be told of, an expectation what
must not break. A reading that lacks one of its facts decides nothing; neither does one that is unknown, or whose
latency is not trusted because our own loop was late.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from watch.core.expect.answer import Answer
from watch.core.reading import Reading, Verdict
from watch.core.wording import fact_text

if TYPE_CHECKING:
    from watch.core.expect import Expectation
    from watch.core.reading import FactSpec, Observation

_LATENCY = "latency"


@dataclass(frozen=True, slots=True)
class FactCondition:
    """A condition, compiled for the facts of one kind of check.

    Args:
        facts: The facts that it names, in order.
    """

    sentence: Expectation
    facts: tuple[FactSpec, ...]

    @property
    def text(self) -> str:
        return self.sentence.text

    def decides(self, o: Observation) -> bool:
        """Whether *o* says whether it holds."""
        if o.verdict is Verdict.UNKNOWN:
            return False
        answered = o.verdict is not Verdict.DOWN
        for fact in self.facts:
            if fact.name not in o.facts and (fact.absent is None or not answered):
                return False
            if fact.name == _LATENCY and o.tainted:
                return False
        return True

    def holds(self, o: Observation) -> bool:
        """Whether it holds by *o*, which decides it."""
        return self.sentence.test.holds(Answer(Reading(o.verdict, facts=o.facts)))

    def told(self, o: Observation) -> str:
        """The values of its facts in *o*: `certificate.left is 9d3h`."""
        values = ((fact, o.facts.get(fact.name, fact.absent)) for fact in self.facts)
        return ", ".join(f"{f.name} is {fact_text(v, f.type)}" for f, v in values if v is not None)
