"""The apprise plug-in of a channel, set up for one message. Only for a sending child.

* A provider that pairs what begins with what ends (PagerDuty, Opsgenie, Splunk On-Call, …) gets the dedup key, and
  closes its incident when the trouble is over. Which plug-ins do so is read from what each says of its own parameters.
* One with priorities gets a high one for an urgent notice. What the channel's URL sets itself stays.
* The limits are the plug-in's own, applied to the text as it will be sent: after Markdown escapes, after HTML, with the
  title in the body where the plug-in puts it there. If a service is known to take less than its plug-in says, its own
  limit counts.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import apprise
import requests
from apprise import plugins

from watch.alerts.message import Letter, Tone

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watch.alerts.message import Thread

# Plug-ins that send without a socket of Python's; all others have sent nothing if nothing was connected.
_LOCAL = frozenset(("syslog", "dbus", "qt", "kde", "glib", "gio", "gnome", "macosx", "windows", "blink1"))
# The high priority of each plug-in, in its own words. Opsgenie's and Jira's P1 is the most urgent.
_HIGH: Mapping[str, str] = {
    "firehydrant": "high", "gorush": "high", "gotify": "high", "growl": "high", "ilert": "high", "jira": "p1",
    "join": "high", "ntfy": "high", "opsgenie": "p1", "pover": "high", "prowl": "high", "psafer": "high",
}  # fmt: skip
# UTF-8 bytes of a message; ntfy makes an attachment of a longer one, or refuses it.
_BYTES: Mapping[str, int] = {"ntfy": 4096}
# The parameters for a dedup key, the first that a plug-in has.
_KEYS = ("dedup", "alias", "entity_id")
_JOINT = 2  # characters between a title and a body that are sent as one


class UnsupportedError(Exception):
    """apprise has no plug-in for the URL, or it does not accept the URL."""


class Plugin:
    """A channel's plug-in, for one request.

    Args:
        url: The channel's URL, a secret.
        thread: The incident that this request opens, continues or closes; None if there is none.
        urgent: Whether to use a high priority.
    """

    def __init__(self, url: str, thread: Thread | None = None, *, urgent: bool = False) -> None:
        fields = _fields(url)
        if not fields:
            raise UnsupportedError
        self._family = _family(str(fields["schema"]))
        self._thread = thread if pairs(url) else None
        parameters = plugins.N_MGR[fields["schema"]].template_args
        if self._thread is not None:
            key = _key_parameter(parameters)
            fields[key] = fields.get(key) or self._thread.key
            fields["action"] = fields.get("action") or "map"
        elif "new" in _values(parameters, "action"):  # else Opsgenie and Jira take what is new for a remark
            fields["action"] = fields.get("action") or "new"
        if urgent and not fields.get("priority") and self._family in _HIGH:
            fields["priority"] = _HIGH[self._family]
        asset = apprise.AppriseAsset(async_mode=False, secure_logging=True)
        plugin = apprise.Apprise.instantiate(fields, asset=asset)
        if plugin is None:
            raise UnsupportedError
        self._plugin: Any = plugin
        self._channel = apprise.Apprise(plugin, asset=asset)
        if self._thread is not None and hasattr(plugin, "store") and "alias" in parameters:
            _close_by_alias(plugin)

    @property
    def local(self) -> bool:
        """It needs no socket of Python's."""
        return self._family in _LOCAL

    def fits(self, letter: Letter) -> bool:
        """Whether the channel takes *letter* whole."""
        plugin = self._plugin
        calls = list(
            plugin._build_send_calls(  # noqa: SLF001 - only it knows what becomes of a text
                body=letter.body, title=letter.title, body_format=apprise.NotifyFormat.TEXT,
                notify_type=apprise.NotifyType.INFO, overflow=apprise.OverflowMode.UPSTREAM,
            )
        )  # fmt: skip
        title, body = "".join(call["title"] for call in calls), "".join(call["body"] for call in calls)
        lines = plugin.body_max_line_count
        both = len(body) + (len(title) + _JOINT if plugin.overflow_amalgamate_title and title else 0)
        size = len(f"{title}{body}".encode()) + _JOINT
        return (
            both <= plugin.body_maxlen
            and (not title or len(title) <= plugin.title_maxlen)
            and (not lines or letter.body.count("\n") + (not title) < lines)
            and size <= _BYTES.get(self._family, size)
        )

    def notify(self, letter: Letter, tone: Tone) -> bool:
        """Send *letter*; return whether the plug-in says that it was taken."""
        if self._thread is not None:
            tone = _tone(tone, self._thread)
        kind = apprise.NotifyType(str(tone))
        return bool(
            self._channel.notify(
                title=letter.title, body=letter.body, notify_type=kind, body_format=apprise.NotifyFormat.TEXT
            )
        )


def rehearse() -> None:
    """Do all of a send but the sending: code and memory that the first one would wait for are ready then."""
    letter, plugin = Letter("title", "body"), Plugin("json://localhost")
    plugin.fits(letter)
    plugin._plugin.send = lambda *_, **__: True  # noqa: SLF001 - nothing leaves
    plugin.notify(letter, Tone.INFO)
    with requests.Session() as session:
        session.prepare_request(requests.Request("POST", "http://localhost/", data=b"body"))


def pairs(url: str) -> bool:
    """Whether the provider of *url* closes what it has opened, by a key of ours."""
    fields = _fields(url)
    parameters = plugins.N_MGR[fields["schema"]].template_args if fields else {}
    return "map" in _values(parameters, "action") and bool(_key_parameter(parameters))


def _fields(url: str) -> dict[str, Any]:
    """The constructor's arguments for *url*; empty if apprise does not support it."""
    return plugins.url_to_dict(url, secure_logging=True) or {}  # type: ignore[no-untyped-call]


def _family(schema: str) -> str:
    """`ntfy` for ntfy and ntfys."""
    return schema if schema in _HIGH or schema in _LOCAL else schema.removesuffix("s")


def _values(parameters: Mapping[str, Any], name: str) -> list[str]:
    return [str(value) for value in parameters.get(name, {}).get("values", ())]


def _key_parameter(parameters: Mapping[str, Any]) -> str:
    """The constructor's name of the parameter for a dedup key; empty if there is none."""
    name = next((name for name in _KEYS if name in parameters), "")
    said = parameters.get(name, {})
    return str(said.get("alias_of") or said.get("map_to") or name)


def _tone(tone: Tone, thread: Thread) -> Tone:
    """What a provider that pairs must hear: only success closes an incident."""
    if not thread.open:
        return Tone.SUCCESS
    return Tone.WARNING if tone is Tone.SUCCESS else tone


def _close_by_alias(plugin: Any) -> None:
    """Let Opsgenie and Jira close by our key. Their plug-ins close by ids that only the process that opened knows.

    Without this they send nothing, and say that all went well.
    """
    ask, alias = plugin._fetch, str(plugin.alias)  # noqa: SLF001 - the plug-ins have no other way

    def fetch(method: Any, url: str, payload: Any, params: Any = None) -> Any:
        return ask(method, url, payload, {"identifierType": "alias"} if params else None)

    plugin._fetch = fetch  # noqa: SLF001 - as above
    known = hashlib.sha1((plugin.entity or alias).encode()).hexdigest()[:10]  # noqa: S324 - how they name it
    plugin.store.set(known, [quote(alias, safe="")])
