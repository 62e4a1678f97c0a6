"""The first sentence says the worst, in words that need no explaining."""

from __future__ import annotations

import pytest

from statuspage.page import Group, Status
from statuspage.words import headline, link, listed
from tests.statuspage.samples import HOUR, NOW_MS, STATES, component, page, parts, work


def only(*components):
    return page((Group(name=None, components=components),))


def made(**states):
    return only(*(component(key, key.title(), Status(word)) for key, word in states.items()))


def test_all_well_is_one_sentence():
    head = headline(STATES["fine"]())
    assert (head.status, head.text, head.since_ms, head.also) == (
        Status.OPERATIONAL,
        "Everything is working",
        None,
        (),
    )


def test_the_worst_comes_first_and_the_rest_follows():
    head = headline(STATES["major"]())
    assert head.text == "Web application is down"
    assert head.since_ms == NOW_MS - 34 * 60_000 - 12_000
    assert head.also == (
        "API is working, with problems.",
        "No current data for Storage.",
        "2 of 5 parts of the service are working.",
    )


def test_maintenance_says_until_when():
    storage = component("storage", "Storage", Status.MAINTENANCE, since_ms=NOW_MS - HOUR)
    planned = work("disks", "Replacing disks", ("storage",), NOW_MS - HOUR, 3)
    head = headline(page(parts(storage=storage), maintenance=(planned,)))
    assert (head.text, head.until_ms) == ("Storage is in planned maintenance", NOW_MS + 2 * HOUR)
    assert head.also == ("Everything else is working.",)


@pytest.mark.parametrize(
    ("states", "text"),
    [
        ({"web": "major_outage", "api": "major_outage"}, "Acme Cloud is down"),
        ({"web": "major_outage"}, "Web is down"),
        (
            {"web": "partial_outage", "api": "partial_outage", "x": "operational"},
            "Web and Api are partly down",
        ),
        ({"web": "degraded_performance", "api": "under_maintenance"}, "Web is working, with problems"),
        ({"web": "unknown", "api": "degraded_performance"}, "Api is working, with problems"),
    ],
)
def test_the_headline_of(states, text):
    assert headline(made(**states)).text == text


def test_ignorance_is_not_an_outage():
    head = headline(STATES["blind"]())
    assert (head.text, head.also[0]) == (
        "No current data",
        "This is about our measurements: the service itself may be working.",
    )
    assert headline(STATES["unseen"]()).text == "No measurements yet"


def test_several_that_began_at_several_times_have_no_common_since():
    both = [component(k, k, Status.MAJOR, since_ms=NOW_MS - i) for i, k in enumerate("ab")]
    assert headline(only(*both, component("c", "c"))).since_ms is None


def test_a_page_without_components_says_so():
    assert headline(page(())).text == "Nothing is being measured yet"


def test_long_lists_are_cut():
    assert listed(["A", "B", "C", "D", "E"]) == "A, B and 3 others"
    assert listed(["A", "B", "C"]) == "A, B and C"


@pytest.mark.parametrize(
    ("text", "href"),
    [
        ("help@acme.example", "mailto:help@acme.example"),
        ("https://acme.example/help", "https://acme.example/help"),
        ("tel:+15550100", "tel:+15550100"),
        ("Call us at the desk", None),
        ("javascript:alert(1)", None),
        ("JaVaScRiPt:alert(1)//@x", None),
        ("data:text/html,x@y", None),
        ("java\tscript:alert(1)", None),
        ("//evil.example", None),
        (None, None),
    ],
)
def test_only_addresses_that_we_may_link_become_links(text, href):
    assert link(text) == href
