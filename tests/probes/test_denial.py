"""What gaps prove, where real servers would not lie: `tests.probes.test_dnssec` has those that do not."""

from __future__ import annotations

import dns.dnssec
import dns.name
import dns.rdatatype as types
import dns.rrset
import pytest

from watch.probes.wire.dns.denial import Denial

ZONE = dns.name.from_text("example.")


def name(text):
    return dns.name.from_text(text, ZONE)


def gap(owner, end, kinds):
    return dns.rrset.from_text(name(owner), 60, "IN", "NSEC", f"{name(end)} {kinds}")


def hashed(owner, kinds, *, flags=0, iterations=0, around=False):
    """An NSEC3 record of *owner* and a narrow gap behind it; *around* it if it is what is not there."""
    text = dns.dnssec.nsec3_hash(name(owner), None, iterations, 1).lower()
    first = text[:-4] + "0000" if around else text
    record = f"1 {flags} {iterations} - {text[:-4]}vvvv {kinds}"
    return dns.rrset.from_text(name(first), 60, "IN", "NSEC3", record)


def test_a_delegations_gap_denies_nothing_beneath_it():
    below = Denial(ZONE, [gap("child", "zoo", "NS RRSIG NSEC")])
    assert not below.knows_no(name("www.child"))
    assert not below.hides(name("www.child"), ZONE)
    assert below.hides(name("d"), ZONE)


def test_a_child_cannot_deny_its_own_ds_record():
    assert Denial(ZONE, [gap("child", "zoo", "NS SOA RRSIG NSEC")]).cut(name("child")) == ""
    assert Denial(ZONE, [gap("child", "zoo", "NS SOA RRSIG NSEC")]).lacks(name("child"), types.DS) is False
    assert Denial(ZONE, [gap("child", "zoo", "NS RRSIG NSEC")]).cut(name("child")) == "unsigned"
    assert Denial(ZONE, [gap("child", "zoo", "NS DS RRSIG NSEC")]).cut(name("child")) == ""
    assert Denial(ZONE, [gap("child", "zoo", "A RRSIG NSEC")]).cut(name("child")) == "none"


def test_a_record_that_is_there_is_not_lacking():
    there = Denial(ZONE, [gap("www", "zoo", "A CAA RRSIG NSEC")])
    assert not there.lacks(name("www"), types.A)
    assert not there.lacks(name("www"), types.CAA)
    assert there.lacks(name("www"), types.AAAA)
    assert not Denial(ZONE, [gap("www", "zoo", "CNAME RRSIG NSEC")]).lacks(name("www"), types.A)


def test_the_last_gap_goes_round_to_the_first_name():
    last = Denial(ZONE, [gap("www", "@", "A RRSIG NSEC")])
    assert last.hides(name("zoo"), ZONE)
    assert not last.hides(name("abc"), ZONE)


def test_a_name_that_only_holds_others_is_there():
    between = Denial(ZONE, [gap("a", "x.empty", "A RRSIG NSEC"), gap("@", "a", "SOA NS RRSIG NSEC DNSKEY")])
    assert between.lacks(name("empty"), types.A)
    assert not between.knows_no(name("empty"))
    assert between.knows_no(name("b"))


def test_hashed_gaps_deny_below_what_is_there():
    absent = [hashed("@", "SOA NS RRSIG"), hashed("no", "", around=True), hashed("*", "", around=True)]
    assert Denial(ZONE, absent).knows_no(name("no"))
    assert not Denial(ZONE, absent[:2]).knows_no(name("no"))  # a wildcard is not ruled out
    assert not Denial(ZONE, absent[1:]).knows_no(name("no"))  # nor that there is nothing above
    assert not Denial(ZONE, [hashed("@", "NS RRSIG"), *absent[1:]]).knows_no(name("no"))  # somebody else's


def test_opting_out_leaves_unsigned_zones_possible():
    opted = Denial(ZONE, [hashed("@", "SOA NS RRSIG"), hashed("child", "", around=True, flags=1)])
    assert opted.cut(name("child")) == "unsigned"
    plain = Denial(ZONE, [hashed("@", "SOA NS RRSIG"), hashed("child", "", around=True)])
    assert plain.cut(name("child")) == "none"


@pytest.mark.parametrize(("iterations", "proven"), [(50, True), (51, False)])
def test_hashes_that_cost_too_much_prove_nothing(iterations, proven):
    found = Denial(ZONE, [hashed("www", "A RRSIG", iterations=iterations)])
    assert found.lacks(name("www"), types.MX) is proven
