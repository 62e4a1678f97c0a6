"""Ready answers: made once, swapped at once."""

from __future__ import annotations

import gzip

import brotli
import pytest
from hypothesis import given
from hypothesis import strategies as st

from statuspage.document import MISSING, Document
from watch.web.rendered_pages import RenderedPages, coding

PAGE = Document(b"<p>All well</p>" * 100, "text/html; charset=utf-8")


def pages(**documents):
    made = RenderedPages()
    made.put({"/": PAGE} | {f"/{name}": document for name, document in documents.items()})
    return made


@pytest.mark.parametrize(
    ("accepted", "best"),
    [
        ("gzip, deflate, br, zstd", "br"),
        ("gzip, deflate", "gzip"),
        ("BR;q=0.5, gzip", "br"),
        ("br;q=0, gzip;q=0.001", "gzip"),
        ("br;q=0.000", "identity"),
        ("*", "br"),
        ("*;q=0", "identity"),
        ("identity", "identity"),
        ("", "identity"),
        ("broken;;q,,;q=x", "identity"),
    ],
)
def test_the_best_coding_that_is_allowed_is_chosen(accepted, best):
    assert coding(accepted) == best


@given(st.text(max_size=200))
def test_any_header_gets_some_coding(accepted):
    assert coding(accepted) in {"br", "gzip", "identity"}


def test_each_coding_decodes_to_the_same_page_under_its_own_tag():
    item = pages().at("/")
    plain, zipped, brotlied = (item.answer(name) for name in ("identity", "gzip", "br"))
    assert plain.body == gzip.decompress(zipped.body) == brotli.decompress(brotlied.body) == PAGE.body
    assert len({plain.etag, zipped.etag, brotlied.etag}) == 3
    assert not any(answer.etag.startswith("W/") for answer in (plain, zipped, brotlied))


def test_what_would_not_shrink_is_sent_as_it_is_under_the_plain_tag():
    item = pages(small=Document(b"ok", "text/plain")).at("/small")
    assert item.answer("br") == item.answer("identity")


def test_an_answer_is_made_once_and_survives_a_render_that_did_not_change_it():
    made = pages()
    first = made.at("/").answer("br")
    made.put({"/": Document(PAGE.body, PAGE.content_type), "/new": PAGE})
    assert made.at("/").answer("br") is first


def test_a_changed_page_has_another_tag():
    made = pages()
    first = made.at("/").answer("br")
    made.put({"/": Document(PAGE.body + b"!", PAGE.content_type)})
    assert made.at("/").answer("br").etag != first.etag


def test_what_is_no_longer_rendered_is_gone():
    made = pages(old=PAGE)
    made.put({"/": PAGE})
    assert made.at("/old") is None


def test_the_same_bytes_have_the_same_tag_after_a_restart():
    assert pages().at("/").answer("gzip") == pages().at("/").answer("gzip")


def test_there_is_always_something_to_say_for_a_missing_path():
    assert RenderedPages().missing.document.status == 404
    mine = Document(b"no such page", "text/html", status=404)
    made = RenderedPages()
    made.put({MISSING: mine})
    assert made.missing.document is mine
