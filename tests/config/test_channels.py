"""The channels of people: what apprise cannot send to is told when the file is read, and nothing of it is shown."""

from __future__ import annotations

import pytest

from watch.config.channel_schemes import INSTEAD, SCHEMES
from watch.config.channels import newer_schemes

WEB = 'components: {web: {checks: {home: {tcp: "127.0.0.1:9"}}}}\n'


def people(*channels):
    return f"{WEB}people: {{bob: {{channels: [{', '.join(channels)}]}}}}\n"


def test_the_schemes_are_those_of_the_apprise_that_is_installed():
    assert newer_schemes() == SCHEMES


def test_what_is_proposed_instead_of_a_word_is_a_scheme_and_the_word_is_none():
    assert set(INSTEAD.values()) <= SCHEMES
    assert not SCHEMES & INSTEAD.keys()


@pytest.mark.parametrize(
    "options", [{}, {"secrets": False}, {"alerts": False}, {"store_only": True}, {"channels": True}]
)
def test_an_unknown_scheme_is_a_mistake_whoever_reads_the_file(desk, options):
    wrong = ["apprise knows no service with the scheme `ntyf`"]
    assert desk.mistakes(people('"ntyf://${env:TOPIC}"'), {"TOPIC": "s3cret"}, **options) == wrong


def test_a_scheme_that_comes_from_a_secret_is_not_judged_without_it_and_never_shown(desk):
    text = people('"${env:HOOK}"')
    assert desk.settings(text, secrets=False, channels=True).people["bob"].channels
    assert desk.mistakes(text, {"HOOK": "s3cret://x"}) == [
        "the value of `${env:HOOK}` begins with a scheme that apprise does not know"
    ]


def test_a_url_that_apprise_does_not_accept_is_told_with_its_place_and_counts_as_without_effect(desk):
    loaded = desk.read(people('"ntfy://a"', '"slack://s3cret"'), channels=True)
    assert loaded.unusable == (("bob", 2),)
    told = next(it for it in loaded.warnings if it.ineffective)
    assert told.message == "channel 2 of bob cannot be used: apprise does not accept its URL"
    assert (told.line, told.column) == (2, 39)
    assert "`slack://`" in told.cure
    assert "s3cret" not in str(told)


def test_a_url_of_which_a_part_is_missing_is_not_judged(desk):
    text = people('"slack://${env:TOKEN}"')
    assert desk.read(text, channels=True, secrets=False).unusable == ()
    assert desk.read(text, {"TOKEN": "x"}, channels=True).unusable == (("bob", 1),)


def test_a_web_address_is_a_mistake_unless_it_is_one_of_a_service(desk):
    hook = f'"https://discord.com/api/webhooks/{"1" * 18}/{"a" * 68}"'
    assert desk.read(people(hook), channels=True).unusable == ()
    assert desk.mistakes(people('"https://hooks.acme.example/s3cret"'), channels=True) == [
        "apprise knows no service with this web address"
    ]


def test_a_cure_is_shown_whole_though_its_example_stands_in_the_file(desk):
    with pytest.raises(Exception, match="like ntfy://topic or mailto://…"):
        desk.read(people('"mailto://"'))
