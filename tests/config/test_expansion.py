"""One check written for many targets, or over many ways, is as many checks."""

from __future__ import annotations

import pytest

from watch.core.settings import Secret, Way


def checks(desk, text, **more):
    return desk.settings(text, **more).checks


def probes(desk, text, **more):
    return {name: check.probe for name, check in checks(desk, text, **more).items()}


def test_a_list_of_items_makes_a_check_of_each(desk):
    found = probes(
        desk,
        """
        components:
          web:
            checks:
              node: {for_each: [10.0.0.11, 10.0.0.12], http: "http://${item}/health"}
    """,
    )
    assert {name: probe.url for name, probe in found.items()} == {
        "web/node[10.0.0.11]": "http://10.0.0.11/health",
        "web/node[10.0.0.12]": "http://10.0.0.12/health",
    }


def test_items_have_names_and_parts(desk):
    found = checks(
        desk,
        """
        components:
          san:
            checks:
              path:
                for_each:
                  a: 10.0.9.1
                  b: {portal: 10.0.9.2, lun: 3}
                iscsi: {portal: "${item}", target: "iqn.2026-11.example:${item.name}"}
              lun:
                for_each: {b: {portal: 10.0.9.2, lun: 3}}
                iscsi: {portal: "${item.portal}", target: iqn.2026-11.example:x, lun: "${item.lun}"}
                expect: ['device != "${item}"']
    """,
    )
    assert found["san/path[a]"].probe.portal == "10.0.9.1"
    assert found["san/path[b]"].probe.portal == "b", "of an item with parts, its name"
    assert found["san/path[b]"].probe.target == "iqn.2026-11.example:b"
    lun = found["san/lun[b]"]
    assert (lun.probe.portal, lun.probe.lun) == ("10.0.9.2", 3)
    assert [it.text for it in lun.judge.expect][-1] == 'device != "b"'


def test_all_that_is_said_beside_the_items_holds_for_each(desk):
    found = checks(
        desk,
        """
        components:
          web: {checks: {node: {for_each: [a, b], tcp: "${item}:80", every: 7s, confirm: {down: 5}}}}
    """,
    )
    assert {(c.every.total_seconds(), c.confirm_down) for c in found.values()} == {(7.0, 5)}


def test_each_is_a_member_and_counts_in_k_of_n(desk):
    settings = desk.settings("""
        components:
          web:
            needs: 2 of 4
            checks:
              node: {for_each: [a, b, c], tcp: "${item}:80"}
              front: {tcp: "front:80"}
    """)
    assert settings.components["web"].members == ("web/node[a]", "web/node[b]", "web/node[c]", "web/front")
    assert settings.components["web"].needs == 2


def test_a_wrong_k_of_n_counts_the_items(desk):
    (mistake,) = desk.mistakes("""
        components: {web: {needs: 1 of 1, checks: {node: {for_each: [a, b], tcp: "${item}:80"}}}}
    """)
    assert mistake.startswith("`web` has 2 members, not 1")


def test_an_item_may_be_a_reference_and_what_it_refers_to_is_not_looked_at_again(desk):
    found = probes(
        desk,
        """
        components: {web: {checks: {node: {for_each: {a: "${env:HOST}"}, tcp: "${item}:80"}}}}
        """,
        environ={"HOST": "db.example.org"},
    )
    assert found["web/node[a]"].address == "db.example.org:80"
    (mistake,) = desk.mistakes(
        """
        components: {web: {checks: {node: {for_each: {a: "${item.name}"}, tcp: "${item}:80"}}}}
        """
    )
    assert mistake == "`${item.name}` is not a reference"


def test_a_literal_item_stays_one(desk):
    found = probes(
        desk,
        """
        components:
          web: {checks: {node: {for_each: [a], http: {url: "http://${item}/", body: "$${item} ${item}"}}}}
    """,
    )
    assert found["web/node[a]"].body.reveal() == "${item} a"


def test_ways_by_name_are_a_check_each(desk):
    found = checks(
        desk,
        """
        components:
          web:
            checks:
              home:
                http: https://www.example.org/
                via:
                  level3: {source: 198.51.100.7, resolver: "198.51.100.53"}
                  cogent: {interface: eth2}
                  origin: {address: 2001:db8::80}
                  tor: {proxy: "socks5://u:p@127.0.0.1:9050"}
    """,
    )
    assert {name: check.way for name, check in found.items()} == {
        "web/home[level3]": Way(source="198.51.100.7", resolver=("198.51.100.53", 53)),
        "web/home[cogent]": Way(interface="eth2"),
        "web/home[origin]": Way(address="2001:db8::80"),
        "web/home[tor]": Way(proxy=Secret("socks5://u:p@127.0.0.1:9050")),
    }
    assert {check.probe.url for check in found.values()} == {"https://www.example.org/"}


def test_one_way_is_one_check_under_its_own_name(desk):
    assert desk.check('{tcp: "127.0.0.1:80", via: {source: 127.0.0.2}}').way == Way(source="127.0.0.2")
    assert desk.check('{tcp: "127.0.0.1:80"}').way is None


def test_items_and_ways_together_are_each_item_over_each_way(desk):
    found = checks(
        desk,
        """
        components:
          web:
            checks:
              edge:
                for_each: {lax: 203.0.113.1, dfw: 203.0.113.2}
                http: https://www.example.org/
                via: {one: {source: 127.0.0.1, address: "${item}"}, two: {source: 127.0.0.2, address: "${item}"}}
    """,
    )
    assert list(found) == [
        "web/edge[lax][one]",
        "web/edge[lax][two]",
        "web/edge[dfw][one]",
        "web/edge[dfw][two]",
    ]
    assert found["web/edge[dfw][one]"].way == Way(source="127.0.0.1", address="203.0.113.2")


def test_a_thousand_items_are_read_and_one_more_is_not(desk):
    listed = ", ".join(f"n{n}" for n in range(1000))
    text = 'components: {web: {checks: {node: {for_each: [%s], tcp: "${item}:80"}}}}'
    assert len(checks(desk, text % listed)) == 1000
    assert desk.mistakes(text % (listed + ", more")) == [
        "`for_each` has 1,001 items: at most 1,000 are allowed"
    ]


def test_items_cannot_multiply_a_small_file_into_a_huge_one(desk):
    listed = ", ".join(f"n{n}" for n in range(1000))
    text = "components:\n  web:\n    checks:\n" + "".join(
        f'      c{c}: {{for_each: [{listed}], http: {{url: "http://${{item}}/", headers: {{{", ".join(f"h{h}: x" for h in range(40))}}}}}}}\n'
        for c in range(10)
    )
    (mistake,) = desk.mistakes(text)
    assert "100,000 values" in mistake


def test_a_mistake_in_what_is_written_once_is_told_once(desk):
    listed = ", ".join(f"n{n}" for n in range(500))
    mistakes = desk.mistakes(f"""
        components:
          web: {{checks: {{node: {{for_each: [{listed}], tcp: "${{item}}:80", evry: 5s}}}}, nedes: 1}}
    """)
    assert len(mistakes) == 2
    assert mistakes[0] == "a check has no `evry`"


@pytest.mark.parametrize(
    "item", ["Gi0/1", "10.0.0.1", "2001:db8::1", "iqn.2026-11.org:x", "db@dallas", "a+b"]
)
def test_an_item_may_be_called_what_targets_are_called(desk, item):
    found = probes(
        desk, f'components: {{web: {{checks: {{n: {{for_each: ["{item}"], http: "http://x/${{item}}"}}}}}}}}'
    )
    assert list(found) == [f"web/n[{item}]"]


def test_a_warning_about_one_of_many_finds_its_place(desk):
    loaded = desk.read("""
        components:
          web: {checks: {node: {for_each: [Gi0/1], every: 5s, timeout: 9s, http: "http://x/${item}"}}}
    """)
    place = next(it for it in loaded.warnings if "some runs will be skipped" in it.message)
    assert (place.line, "node" in place.excerpt) == (3, True)
