"""TLS contexts, cached: loading the system's authorities takes 17 ms, a handshake 1.

The key of the cache includes the file's modification time, so the next run uses a renewed file. Old protocols
are offered only by contexts made for them.

The system's authorities are read from their file when the context is made. OpenSSL's own default would look for
them in a folder during the handshake; without a free descriptor it finds none, says nothing, and every
certificate would read as untrusted.
"""

from __future__ import annotations

import os
import ssl
import warnings
from functools import lru_cache
from pathlib import Path

from watch.core.reading import OurFault
from watch.probes.wire.net.blame import shortage

_CA_FILES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
    "/etc/ssl/ca-bundle.pem",
)


def authorities() -> str | None:
    """Return the file of this machine's certificate authorities; None when it has none."""
    named = os.environ.get("SSL_CERT_FILE"), ssl.get_default_verify_paths().cafile
    return next((path for path in (*named, *_CA_FILES) if path and Path(path).is_file()), None)


def verifying(ca_file: Path | None, *, old: bool = False) -> ssl.SSLContext:
    """Return a context that trusts the system's authorities, or those in *ca_file*.

    Args:
        old: Offer TLS 1.0, 1.1 and weak ciphers, too, for appliances that support nothing else.

    Raises:
        OurFault: *ca_file*, or the system's file, cannot be read.
    """
    path = authorities() if ca_file is None else str(ca_file)
    try:
        changed = 0 if path is None else os.stat(path).st_mtime_ns  # noqa: PTH116 - a third of the time of pathlib
        return _verifying(path, changed, old, system=ca_file is None)
    except OSError as error:  # ssl.SSLError is one, too
        used_up = shortage()
        if used_up is not None:
            raise used_up from error
        words = f"the file of certificate authorities {path} cannot be read: {error.strerror}"
        raise OurFault(words) from error


@lru_cache(maxsize=64)
def _verifying(ca_file: str | None, _changed: int, old: bool, *, system: bool) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if ca_file is None:
        context.load_default_certs()
    else:
        # The folder is for those authorities that the file does not have.
        context.load_verify_locations(ca_file, ssl.get_default_verify_paths().capath if system else None)
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
