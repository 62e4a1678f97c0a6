"""Where the kind file is pointed in the contract tests: at another machine, over SFTP."""

from watch.core.settings import Secret

TRANSPORT, WRONG = "tcp", {"protocol", "limit"}
PINNED = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHEO8i4QWIuJ5wbAQRGKsWsB7zQlUD6ZqKQ3pXLmnO1p"


def at(port):
    return {
        "path": f"sftp://backup@127.0.0.1:{port}/backups/*.age",
        "password": Secret("canary"),
        "host_key": PINNED,
    }
