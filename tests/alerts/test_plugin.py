"""Which plug-ins of apprise pair, and what they make of our dedup key and priority, is read from the plug-ins themselves."""

from __future__ import annotations

import pytest

from watch.alerts.message import Letter, Thread

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning"
)  # apprise's plug-ins use deprecated modules
KEY = "hush" * 8
URLS = {
    "pagerduty": f"pagerduty://{KEY}@{KEY}",
    "opsgenie": f"opsgenie://{KEY}",
    "jira": f"jira://{KEY}",
    "splunk": f"splunk://route@{KEY}",
    "goalert": f"goalert://own.test/{KEY[:8]}-{KEY[:4]}-{KEY[:4]}-{KEY[:4]}-{KEY[:12]}",
    "ilert": f"ilert://{KEY}",
    "incidentio": f"incidentio://source/{KEY}",
    "firehydrant": f"firehydrant://{KEY}",
    "squadcast": f"squadcast://{KEY}",
    "signl4": f"signl4://{KEY}",
    "pagertree": f"pagertree://int_{KEY[:10]}",
}


def test_these_services_close_what_they_opened():
    from apprise import plugins

    from watch.alerts.plugin import _key_parameter, _values

    plugins.N_MGR.load_modules()
    found = {
        kind.__module__.rpartition(".")[2]
        for kind in plugins.N_MGR.plugins()
        if "map" in _values(kind.template_args, "action") and _key_parameter(kind.template_args)
    }
    assert found == URLS.keys()


@pytest.mark.parametrize("service", URLS)
def test_the_dedup_key_reaches(service):
    from watch.alerts.plugin import Plugin, pairs

    assert pairs(URLS[service])
    plugin = Plugin(URLS[service], Thread("Acme/down:web/1", open=True))
    assert "Acme/down:web/1" in vars(plugin._plugin).values()
    assert "map" in {str(value) for name, value in vars(plugin._plugin).items() if "action" in name}


def test_what_the_url_sets_itself_stays():
    from watch.alerts.plugin import Plugin

    url = f"pagerduty://{KEY}@{KEY}?dedup=ours&action=trigger"
    plugin = Plugin(url, Thread("Acme/down:web/1", open=True))._plugin
    assert (plugin.dedup, plugin.action) == ("ours", "trigger")
    assert Plugin("ntfy://own.test/x?priority=max", urgent=True)._plugin.priority == "max"
    assert Plugin("ntfy://own.test/x", urgent=True)._plugin.priority == "high"
    assert Plugin("ntfy://own.test/x")._plugin.priority == "default"


def test_a_letter_fits_if_its_bytes_do_where_bytes_count():
    from watch.alerts.plugin import Plugin

    ntfy, gotify = Plugin("ntfy://own.test/x"), Plugin(f"gotify://own.test/{KEY}")
    for size, fits in ((4_080, True), (4_090, False)):
        assert ntfy.fits(Letter("DOWN: x", "b" * size)) is fits
        assert gotify.fits(Letter("DOWN: x", "b" * size))
    assert not ntfy.fits(Letter("DOWN: x", "é" * 2_100))
    assert not ntfy.fits(Letter("DOWN: x" * 40, "b")), "the title has a limit, too"


def test_a_letter_of_many_lines_does_not_fit_where_lines_are_cut():
    from watch.alerts.plugin import Plugin

    kodi = Plugin("kodi://own.test")
    assert kodi.fits(Letter("DOWN: x", "one\ntwo")) is True
    assert kodi.fits(Letter("DOWN: x", "one\ntwo\nthree")) is False
