"""Dovecot with one mailbox of two messages, on the ports of IMAP and POP3, plain and with TLS."""

from __future__ import annotations

import contextlib
import grp
from types import SimpleNamespace

from tests.ports import free_port
from tests.probes.daemons import USER, folder, give, running
from tests.probes.servers import Asked, Stood, debian
from watch.core.settings import Secret

AGAINST = debian("dovecot-core")
CANARY = "canary-b7f3"
RIGHT = {"username": "mon", "password": Secret(CANARY)}
WRONG = {"username": "mon", "password": Secret("canary-wrong")}
MESSAGE = b"From: a@example.org\r\nSubject: hello\r\n\r\nhello\r\n"
# As an ordinary user there is no chroot; a wrong password is answered at once, not after two seconds.
CONF = """
base_dir = {dir}/base
state_dir = {dir}/state
log_path = {dir}/log
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
listen = 127.0.0.1
protocols = imap pop3
ssl = yes
ssl_cert = <{dir}/cert.pem
ssl_key = <{dir}/key.pem
auth_failure_delay = 0
passdb {{
  driver = static
  args = user=mon password={password}
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={dir}/home
}}
mail_location = maildir:~/Maildir
first_valid_uid = 1
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = {imaps}
  }}
}}
service pop3-login {{
  chroot =
  inet_listener pop3 {{
    port = {pop3}
  }}
  inet_listener pop3s {{
    port = {pop3s}
  }}
}}
"""


@contextlib.contextmanager
def dovecot(pem):
    """The server; yields its ports by name, and the folder of its mailbox."""
    ports = {name: free_port() for name in ("imap", "imaps", "pop3", "pop3s")}
    files = {f"{name}.pem": (pem / f"{name}.pem").read_bytes() for name in ("cert", "key")}
    with folder(**files) as path:
        new = path / "home" / "Maildir" / "new"
        for part in ("new", "cur", "tmp"):
            (new.parent / part).mkdir(parents=True)
        for number in range(2):
            (new / f"1700000000.M{number}.test").write_bytes(MESSAGE)
        (path / "conf").write_text(
            CONF.format(
                dir=path,
                user=USER.pw_name,
                group=grp.getgrgid(USER.pw_gid).gr_name,
                uid=USER.pw_uid,
                gid=USER.pw_gid,
                password=CANARY,
                **ports,
            )
        )
        give(path)
        with running(
            "/usr/sbin/dovecot",
            "-F",
            "-c",
            path / "conf",
            places=[("127.0.0.1", port) for port in ports.values()],
        ) as process:
            yield SimpleNamespace(process=process, **ports, maildir=new.parent)


@contextlib.contextmanager
def stand(site):
    with dovecot(site.pem) as it:
        login = {"ca_file": str(site.ca_file), "username": "mon", "password": CANARY}
        yield Stood(
            it.process,
            {
                "imap": Asked({"address": f"localhost:{it.imaps}", "folder": "INBOX", **login}),
                "pop3": Asked({"address": f"localhost:{it.pop3s}", **login}),
            },
        )
