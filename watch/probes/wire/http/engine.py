"""libcurl on the event loop, for all HTTP checks.

pycurl has an asyncio driver (`AsyncCurlMulti`); this one costs a third less per request, because it

* keeps curl's sockets in an epoll of their own and registers only that with the event loop, instead of a
  reader and a writer handle for each;
* starts a transfer at once instead of waiting for curl's zero timer;
* takes easy handles from a pool. Connections, TLS sessions and cookies are never reused: a check must do
  everything each time, or a target with a broken handshake would be up.
"""

from __future__ import annotations

import asyncio
import os
import select
import socket
from typing import Any, Final

import pycurl

from watch.probes.wire.http.handle import Handle
from watch.probes.wire.net.trust import authorities

_IDLE = 64  # handles kept for reuse, some 20 KB each
_WANTED = {
    pycurl.POLL_IN: select.EPOLLIN,
    pycurl.POLL_OUT: select.EPOLLOUT,
    pycurl.POLL_INOUT: select.EPOLLIN | select.EPOLLOUT,
}
_HOLD = 0.01  # seconds until other tasks on the loop run
SHUT: Final = -1  # the code of transfers that `close` ended; curl's codes are positive


def _connected(fd: int) -> bool:
    """Return whether TCP connected; curl itself reports it only after TLS."""
    try:
        with socket.socket(fileno=os.dup(fd)) as sock:
            sock.getpeername()
    except OSError:
        return False
    return True


class Engine:
    """One multi handle on the running loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._cafile = authorities()  # the libcurl in the wheel has no default
        self._idle: list[Handle] = []
        self._waiting: dict[pycurl.Curl, asyncio.Future[tuple[int, str]]] = {}
        self._due: float | None = None
        self._timer: tuple[float, asyncio.Handle] | None = None
        self._epoll = select.epoll()
        self._registered: set[int] = set()
        self._multi = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_SOCKETFUNCTION, self._on_socket)
        self._multi.setopt(pycurl.M_TIMERFUNCTION, self._on_timer)
        self._loop.add_reader(self._epoll.fileno(), self._ready)

    def close(self) -> None:
        self._loop.remove_reader(self._epoll.fileno())
        for curl, future in self._waiting.items():
            self._multi.remove_handle(curl)
            if not future.done():
                future.set_result((SHUT, "this vantage point is stopping"))
        self._waiting.clear()
        for handle in self._idle:
            handle.curl.close()
        self._idle.clear()
        self._multi.close()
        self._epoll.close()
        if self._timer is not None:
            self._timer[1].cancel()

    def borrow(self, room: int) -> Handle:
        """Return a handle with the constant options and nothing else."""
        handle = self._idle.pop() if self._idle else Handle(self._cafile)
        handle.reset(self._cafile)
        handle.clear(room)
        return handle

    def give_back(self, handle: Handle) -> None:
        if len(self._idle) < _IDLE and not self._multi.closed:
            handle.forget()
            handle.drop()
            self._idle.append(handle)
        else:
            handle.curl.close()

    async def perform(self, handle: Handle) -> tuple[int, str]:
        """Run the transfer and return curl's code (0 for success) and words."""
        future: asyncio.Future[tuple[int, str]] = self._loop.create_future()
        curl = handle.curl
        self._waiting[curl] = future
        self._multi.add_handle(curl)
        try:
            self._act(pycurl.SOCKET_TIMEOUT, 0)
            return await future
        except asyncio.CancelledError:
            handle.connected = _connected(handle.fd)
            raise
        finally:
            if self._waiting.pop(curl, None) is not None:  # we were cancelled
                self._multi.remove_handle(curl)

    def _act(self, fd: int, events: int) -> None:
        self._multi.socket_action(fd, events)
        self._settle()

    def _settle(self) -> None:
        while True:
            left, good, bad = self._multi.info_read()
            for curl in good:
                self._end(curl, (0, ""))
            for curl, code, words in bad:
                self._end(curl, (code, words))
            if not left:
                return

    def _end(self, curl: pycurl.Curl, outcome: tuple[int, str]) -> None:
        self._multi.remove_handle(curl)
        future = self._waiting.pop(curl)
        if not future.done():
            future.set_result(outcome)

    def _ready(self) -> None:
        act, clock = self._multi.socket_action, self._loop.time
        until = clock() + _HOLD
        for fd, events in self._epoll.poll(0, 128):
            mask = pycurl.CSELECT_IN if events & (select.EPOLLIN | select.EPOLLHUP) else 0
            mask |= pycurl.CSELECT_OUT if events & select.EPOLLOUT else 0
            act(fd, mask | (pycurl.CSELECT_ERR if events & select.EPOLLERR else 0))
            if clock() > until:
                break  # the rest are still ready when we come back
        self._settle()

    def _on_socket(self, what: int, fd: int, _multi: Any, _data: Any) -> None:
        if what == pycurl.POLL_REMOVE:
            self._registered.discard(fd)
            try:
                self._epoll.unregister(fd)
            except OSError:  # closed already, which unregisters too
                return
            return
        wanted = _WANTED[what]
        if fd in self._registered:
            try:
                self._epoll.modify(fd, wanted)
            except FileNotFoundError:  # closed meanwhile; this is another socket of the same number
                self._epoll.register(fd, wanted)
            return
        self._registered.add(fd)
        try:
            self._epoll.register(fd, wanted)
        except FileExistsError:
            self._epoll.modify(fd, wanted)

    def _on_timer(self, ms: int) -> None:
        """Curl asks to be called in *ms*; if that is later than the running timer, the timer is kept."""
        if ms < 0:
            self._due = None
            return
        self._due = self._loop.time() + ms / 1000
        if self._timer is None or self._timer[0] > self._due:
            self._arm()

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer[1].cancel()
        if self._due is not None:
            self._timer = (self._due, self._loop.call_at(self._due, self._tick))

    def _tick(self) -> None:
        self._timer = None
        if self._due is None:
            return
        if self._due > self._loop.time():
            self._arm()
            return
        self._due = None
        self._act(pycurl.SOCKET_TIMEOUT, 0)
