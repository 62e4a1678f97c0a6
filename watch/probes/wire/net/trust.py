"""TLS contexts, cached: loading the system's authorities takes 17 ms, a handshake 1.

The key of the cache includes the file's modification time, so the next run uses a renewed file. Old protocols
are offered only by contexts made for them.
"""

from __future__ import annotations

import ssl
import warnings
from functools import lru_cache
from typing import TYPE_CHECKING

from watch.core.reading import OurFault

if TYPE_CHECKING:
    from pathlib import Path


def verifying(ca_file: Path | None, *, old: bool = False) -> ssl.SSLContext:
    """Return a context that trusts the system's authorities, or those in *ca_file*.

    Args:
        old: Offer TLS 1.0, 1.1 and weak ciphers, too, for appliances that support nothing else.

    Raises:
        OurFault: *ca_file* cannot be read.
    """
    if ca_file is None:
        return _verifying(None, 0, old)
    try:
        return _verifying(str(ca_file), ca_file.stat().st_mtime_ns, old)
    except OSError as error:  # ssl.SSLError is one, too
        raise OurFault(
            f"the file of certificate authorities {ca_file} cannot be read: {error.strerror}"
        ) from error


@lru_cache(maxsize=64)
def _verifying(ca_file: str | None, _changed: int, old: bool) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if ca_file is None:
        context.load_default_certs()
    else:
        context.load_verify_locations(ca_file)
    _span(context, ssl.TLSVersion.TLSv1 if old else ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.MAXIMUM_SUPPORTED)
    return context


@lru_cache(maxsize=2)
def believing(*, old: bool = False) -> ssl.SSLContext:
    """Return a context that accepts any certificate: to look at it, or for `verify: false`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    _span(context, ssl.TLSVersion.TLSv1 if old else ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.MAXIMUM_SUPPORTED)
    return context


@lru_cache(maxsize=1)
def legacy() -> ssl.SSLContext:
    """Return a context that offers nothing newer than TLS 1.1: a server that answers it accepts old versions."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    _span(context, ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1)
    return context


def _span(context: ssl.SSLContext, lowest: ssl.TLSVersion, highest: ssl.TLSVersion) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # we test for old versions on purpose
        context.minimum_version, context.maximum_version = lowest, highest
    if lowest < ssl.TLSVersion.TLSv1_2:
        context.set_ciphers("ALL:@SECLEVEL=0")
