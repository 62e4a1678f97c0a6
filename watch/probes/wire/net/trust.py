"""TLS contexts, made once: a context that reads the system's authorities costs 17 ms, a handshake 1.

They are kept by what went into them, the file's time of change included, so that a renewed file of
authorities is taken up by the next run. The oldest protocols are offered only by those made for it.
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
    """Return a context that believes the system's authorities, or those in *ca_file*.

    Args:
        old: Speak TLS 1.0 and 1.1 as well, and weak ciphers, for appliances that know nothing else.

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
    """Return a context that takes any certificate: to look at it, or because a check says `verify: false`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    _span(context, ssl.TLSVersion.TLSv1 if old else ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.MAXIMUM_SUPPORTED)
    return context


@lru_cache(maxsize=1)
def legacy() -> ssl.SSLContext:
    """Return a context that speaks nothing newer than TLS 1.1: whoever answers it, accepts that."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    _span(context, ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1)
    return context


def _span(context: ssl.SSLContext, lowest: ssl.TLSVersion, highest: ssl.TLSVersion) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", DeprecationWarning
        )  # that they are old is what we are here to find out
        context.minimum_version, context.maximum_version = lowest, highest
    if lowest < ssl.TLSVersion.TLSv1_2:
        context.set_ciphers("ALL:@SECLEVEL=0")
