"""The schema for editors accepts what is right, refuses what is no word of the language, and says what things are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from watch import probes
from watch.config.schema import schema

SCHEMA = schema()
EDITOR = Draft202012Validator(SCHEMA)
ROOT = Path(__file__).parents[2]


def complaints(text):
    return [error.message for error in EDITOR.iter_errors(yaml.safe_load(text))]


def test_it_is_a_schema_and_plain_json():
    Draft202012Validator.check_schema(SCHEMA)
    assert json.loads(json.dumps(SCHEMA)) == SCHEMA


def test_it_accepts_the_checks_yaml_at_the_root():
    assert complaints((ROOT / "checks.yaml").read_text()) == []


@pytest.mark.parametrize(
    "text",
    [
        'components: {web: {checks: {home: {http: "http://127.0.0.1/"}}}}',
        "components: {web: {checks: {home: {http: {url: x, family: 4, version: 1.1, verify: false, headers: {A: 1}}}}}}",
        "components: {web: {checks: {home: {http: x, expect: latency < 2s, warn: [a, b], down_when: 2, from: a}}}}",
        "components: {a: {needs: 1 of 2, contains: [b]}}\nalerts: [{when: down}]\npeople:\n",
        'components: {}\npeople: {a: {channels: "ntfy://x"}}\nescalations: {u: [{page: a}], v: {page: [a]}}',
        "components: {}\nescalations: {u: [{page: a}, {page: b, after: 10m, during: Mon 08:00-09:00}]}",
        "components: {}\nescalations: {u: {steps: [{page: a}], repeat: 30m}}",
        "components: {}\nmaintenance: {w: {components: all, when: Sat 00:00-03:00 UTC, max_outage: 60s}}",
        "x-d: &d {every: 1m}\nx-l: [1]\ncomponents: {web: {checks: {home: {<<: *d, http: x}}}}",
        "components: {}\nservice: {name: 2024}\ndefaults: {every: 1h30m, timeout: 800ms, confirm: {down: 1}}",
    ],
)
def test_it_accepts_what_the_reader_accepts(text):
    assert complaints(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "servce: {}\ncomponents: {}",
        "service: {name: x}",
        "components: {web: {checks: {home: {htttp: x}}}}",
        "components: {web: {checks: {home: {http: x, icmp: y}}}}",
        "components: {web: {checks: {home: {every: 30s}}}}",
        "components: {web: {checks: {home: {http: {methd: x, url: y}}}}}",
        "components: {web: {checks: {home: {http: {method: HEAD}}}}}",
        "components: {web: {checks: {home: {http: x, every: 30}}}}",
        "components: {web: {checks: {home: {http: x, every: half an hour}}}}",
        "components: {web: {checks: {home: {http: {url: x, family: 5}}}}}",
        "components: {web: {checks: {home: {http: {url: x, verify: maybe}}}}}",
        "components: {Web App: {}}",
        "components: {web: {needs: most}}",
        "components: {}\ncustomers: {}",
        "components: {}\nalerts: [{when: slwo}]",
        "components: {}\npeople: {alice: {}}",
        "components: {}\nlisten: {page: 8080}",
        "components: {}\nservice: {target: 99.9}",
        "components: {}\nescalations: {u: [{page: a, when: b}]}",
        "components: {}\nescalations: {u: {repeat: 30m}}",
    ],
)
def test_it_refuses_what_is_no_word_of_the_language(text):
    assert complaints(text)


@pytest.mark.parametrize("kind", probes.kinds())
def test_every_kind_is_there_with_its_options_and_their_help(kind):
    from watch.probes.base import reference

    text = reference(probes.of_kind(kind))
    definition = SCHEMA["$defs"][kind]
    options = definition["anyOf"][1]["properties"]
    assert text.summary in definition["description"]
    assert {name: it["description"] for name, it in options.items()} == {
        name: text.options.get(name, "") for name in options
    }
    assert all(fact in definition["description"] for fact in text.facts)


@pytest.mark.parametrize("kind", probes.kinds())
def test_the_example_of_every_kind_is_accepted_by_editor_and_reader(kind, desk):
    from watch.probes.base import reference

    example = reference(probes.of_kind(kind)).example
    text = "components:\n  web:\n    checks:\n      home:\n" + "".join(
        f"        {line}\n" for line in example.splitlines()
    )
    assert complaints(text) == []
    assert desk.settings(text, secrets=False).checks["web/home"].kind == kind


def described(it, path=()):
    for name, child in it.get("properties", {}).items():
        yield (*path, name), child
        yield from described(child, (*path, name))


def test_every_key_of_ours_says_what_it_is():
    silent = [path for path, it in described(SCHEMA) if not it.get("description") and "$ref" not in it]
    assert silent == []


def test_defaults_are_told():
    assert SCHEMA["properties"]["defaults"]["properties"]["every"]["default"] == "30s"
    assert SCHEMA["$defs"]["http"]["anyOf"][1]["properties"]["method"]["default"] == "GET"
