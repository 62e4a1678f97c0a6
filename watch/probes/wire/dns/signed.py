"""DNSSEC validation: whether an answer is signed, all the way from a trust anchor, and for how much longer.

From the anchor's zone down, each parent confirms the keys of its child by a DS record, and each zone's keys
sign its records, and the gaps between names. Four outcomes (RFC 4033 §5):

* *secure*: the answer, or the absence of one, is proven;
* *insecure*: a signed parent proves that the zone is not signed, or signed only by algorithms unknown to us;
* *bogus*: it should be signed and is not, or the signature is wrong, expired or not valid yet;
* *indeterminate*: the nameserver did not deliver the records that are needed.

An answer without signatures is bogus, not insecure, unless its parent proves that the zone is not signed. The
nameserver is asked not to validate (CD): a resolver that validates would only answer SERVFAIL.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

import dns.exception
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype as types
import dns.rrset

from watch.core.reading import ProbeFailure, Reason
from watch.probes.wire.dns.denial import Denial
from watch.probes.wire.dns.records import question
from watch.probes.wire.dns.signature import Bogus, Verifier, checkable, matches, signatures, signer, titled

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence

    from dns.message import Message
    from dns.name import Name
    from dns.rrset import RRset

    from watch.probes.wire.dns.anchors import Anchor

_MOST_QUESTIONS, _MOST_SETS, _MOST_KEYS = 48, 48, 32
_DENYING = (types.NSEC, types.NSEC3)


class Insecure(Exception):  # noqa: N818 - an outcome
    """A parent proves that it is not signed."""


class Indeterminate(Exception):  # noqa: N818 - an outcome
    """The needed records were not delivered."""


class Validation(NamedTuple):
    """The result of a validation.

    Args:
        fault: A sentence for people; empty when secure.
        until: When the first of the needed signatures expires, seconds since the epoch; None without any.
        soonest: What it signs.
    """

    state: str
    fault: str
    until: float | None
    soonest: str


class TrustChain:
    """The zones from an anchor down that one answer needs.

    Args:
        ask: Sends one question to the nameserver.
        anchors: Records of one zone.
        now: Seconds since the epoch.
    """

    def __init__(
        self,
        ask: Callable[[Message], Awaitable[Message]],
        anchors: Sequence[Anchor],
        now: float,
        *,
        recurse: bool,
    ) -> None:
        self._ask, self._recurse, self._questions = ask, recurse, _MOST_QUESTIONS
        self._verifier = Verifier(now)
        self._anchors = [dns.rdata.from_text("IN", anchor.kind, anchor.text) for anchor in anchors]
        self._top = dns.name.from_text(anchors[0].zone)
        self._keys: dict[Name, RRset] = {}  # of the validated zones
        self._inside: set[Name] = set()  # names at which no zone begins, as was proven

    async def validation(self, answer: Message) -> Validation:
        """Return the result for *answer*."""
        state, fault = "secure", ""
        try:
            await self._settle(answer)
        except (Insecure, Bogus, Indeterminate) as found:
            state, fault = type(found).__name__.lower(), str(found)
        except dns.exception.DNSException as error:  # such as names that become too long
            state, fault = "bogus", f"its records cannot be read: {type(error).__name__}"
        ends = self._verifier.ends
        soonest = min(ends, key=ends.__getitem__, default="")
        return Validation(state, fault, ends.get(soonest), soonest)

    async def _settle(self, answer: Message) -> None:
        _readable(answer, "unchecked as well")
        name, kind = answer.question[0].name, answer.question[0].rdtype
        for _ in range(_MOST_SETS):
            here = [rrset for rrset in _sets(answer.answer) if rrset.name == name]
            for rrset in here:
                await self._proven(answer, rrset)
            if any(rrset.rdtype == kind for rrset in here):
                return
            alias = next((rrset for rrset in here if rrset.rdtype == types.CNAME), None)
            if alias is None:
                await self._absent(answer, name, kind)
                return
            name = alias[0].target
        raise Bogus(f"the aliases of {answer.question[0].name} form a loop")

    async def _proven(self, answer: Message, rrset: RRset) -> None:
        """Return if *rrset* is signed by a zone that we trust."""
        found = signatures(answer.answer, rrset)
        if not found:
            if rrset.rdtype == types.CNAME and await self._by_dname(answer, rrset):
                return
            await self._unsigned(rrset.name, f"{titled(rrset)} has no signature")
        zone = signer(found, rrset.name)
        used = self._verifier.check(zone, await self._trusted(zone), rrset, found)
        if used.labels < len(rrset.name) - 1 - rrset.name.is_wild():
            encloser = rrset.name.split(used.labels + 1)[1]
            if not (await self._denial(answer, zone)).hides(rrset.name, encloser):
                raise Bogus(f"{titled(rrset)} comes from a wildcard, and nothing proves that it may")

    async def _by_dname(self, answer: Message, alias: RRset) -> bool:
        """Whether the unsigned *alias* follows from a signed DNAME record."""
        for rrset in _sets(answer.answer):
            if (
                rrset.rdtype != types.DNAME
                or alias.name == rrset.name
                or not alias.name.is_subdomain(rrset.name)
            ):
                continue
            if alias.name.relativize(rrset.name).derelativize(rrset[0].target) == alias[0].target:
                await self._proven(answer, rrset)
                return True
        return False

    async def _absent(self, answer: Message, name: Name, kind: types.RdataType) -> None:
        """Return if *answer* proves that *name* has no records of *kind*."""
        what = f"{name} {types.to_text(kind)}"
        found = [
            s
            for r in _sets(answer.authority)
            if r.rdtype in _DENYING
            for s in signatures(answer.authority, r)
        ]
        if not found:
            await self._unsigned(name, f"nothing proves that there is no {what}")
        zone = signer(found, name)
        denial = await self._denial(answer, zone)
        proven = denial.knows_no(name) if answer.rcode() == dns.rcode.NXDOMAIN else denial.lacks(name, kind)
        if denial.opted_out:
            raise Insecure(f"{zone} does not list unsigned zones (opt-out), and {name} could be in one")
        if not proven:
            raise Bogus(f"nothing proves that there is no {what}")

    async def _denial(self, answer: Message, zone: Name) -> Denial:
        """Return the proven NSEC and NSEC3 records of *zone* in *answer*."""
        keys, found = await self._trusted(zone), []
        for rrset in _sets(answer.authority):
            if rrset.rdtype in _DENYING and rrset.name.is_subdomain(zone):
                self._verifier.check(zone, keys, rrset, signatures(answer.authority, rrset))
                found.append(rrset)
        return Denial(zone, found)

    async def _unsigned(self, name: Name, fault: str) -> NoReturn:
        """Raise `Insecure` if a parent proves that *name* is in an unsigned zone, else `Bogus`."""
        await self._descended(name)
        raise Bogus(fault)

    async def _trusted(self, zone: Name) -> RRset:
        """Return the keys of *zone*, validated from the anchor down."""
        if zone not in self._keys:
            if not zone.is_subdomain(self._top):
                raise Bogus(f"signed by {zone}, which is not below the anchor {self._top}")
            if await self._descended(zone) != zone:
                raise Bogus(f"signed by {zone}, which is not a zone")
        return self._keys[zone]

    async def _descended(self, name: Name) -> Name:
        """Return the signed zone that *name* is in; `Insecure` when it is in an unsigned one."""
        if self._top not in self._keys:
            self._keys[self._top] = await self._keys_of(self._top, self._anchors, "the anchor")
        zone = self._top
        for child in _downwards(zone, name):
            if await self._begins(zone, child):
                zone = child
        return zone

    async def _begins(self, zone: Name, child: Name) -> bool:
        """Whether a signed zone begins at *child*, below *zone*; its keys are known then."""
        if child in self._keys or child in self._inside:
            return child in self._keys
        answer = await self._asked(child, types.DS)
        for rrset in _sets(answer.answer):
            if rrset.name == child and rrset.rdtype in (types.DS, types.CNAME):
                self._verifier.check(zone, self._keys[zone], rrset, signatures(answer.answer, rrset))
                if rrset.rdtype == types.DS:
                    self._keys[child] = await self._keys_of(child, rrset, "its parent's DS record")
                    return True
                self._inside.add(child)
                return False
        means = (await self._denial(answer, zone)).cut(child)
        if means == "unsigned":
            raise Insecure(f"{zone} has no DS record for {child}")
        if not means:
            raise Bogus(f"nothing proves that {child} has no DS record")
        self._inside.add(child)
        return False

    async def _keys_of(self, zone: Name, records: Iterable[Any], who: str) -> RRset:
        """Return the keys of *zone*, signed by one that *records* (of *who*) confirm."""
        known = checkable(records)
        if not known:
            raise Insecure(f"{who} confirms {zone} only by algorithms that we cannot check")
        answer = await self._asked(zone, types.DNSKEY)
        keys = next((s for s in _sets(answer.answer) if s.name == zone and s.rdtype == types.DNSKEY), None)
        if keys is None:
            raise Bogus(f"{zone} has no keys, but {who} says that it is signed")
        if len(keys) > _MOST_KEYS:
            raise ProbeFailure(Reason.LIMIT, f"{zone} has more than {_MOST_KEYS} keys")
        entry = [key for key in keys if any(matches(zone, key, record) for record in known)]
        if not entry:
            raise Bogus(f"no key of {zone} matches {who}")
        trusted = dns.rrset.from_rdata_list(zone, keys.ttl, entry)
        self._verifier.check(zone, trusted, keys, signatures(answer.answer, keys))
        return keys

    async def _asked(self, name: Name, kind: types.RdataType) -> Message:
        self._questions -= 1
        if self._questions < 0:
            raise ProbeFailure(
                Reason.LIMIT, f"more than {_MOST_QUESTIONS} questions to follow the signatures"
            )
        message = question(name, kind, recurse=self._recurse, signed=True, unchecked=True)
        answer = await self._ask(message)
        _readable(answer, f"when asked for {name} {types.to_text(kind)}")
        return answer


def _readable(answer: Message, when: str) -> None:
    if answer.rcode() not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
        raise Indeterminate(f"the nameserver answers {dns.rcode.to_text(answer.rcode())}, {when}")
    if len(answer.answer) + len(answer.authority) > _MOST_SETS:
        raise ProbeFailure(Reason.LIMIT, f"an answer of more than {_MOST_SETS} sets of records")


def _sets(section: list[RRset]) -> list[RRset]:
    return [rrset for rrset in section if rrset.rdtype != types.RRSIG and rrset.rdclass == dns.rdataclass.IN]


def _downwards(zone: Name, name: Name) -> Iterator[Name]:
    """Yield the names below *zone* on the way to *name*, itself the last."""
    for labels in range(len(zone) + 1, len(name) + 1):
        yield name.split(labels)[1]
