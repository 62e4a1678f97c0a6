"""What a program prints on a terminal, where some speak otherwise than into a pipe."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import termios


def on_a_terminal(program, *, columns, cwd=None):
    """How *program* ends, and all that it prints on a terminal that is *columns* wide."""
    near, far = pty.openpty()
    fcntl.ioctl(far, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    env = {key: value for key, value in os.environ.items() if key not in {"COLUMNS", "NO_COLOR"}}
    with os.fdopen(near, "rb", buffering=0) as screen:
        try:
            process = subprocess.Popen(program, stdin=far, stdout=far, stderr=far, cwd=cwd, env=env)
        finally:
            os.close(far)
        with process:
            shown = bytearray()
            try:
                while chunk := screen.read(65536):
                    shown += chunk
            except OSError:  # EIO: nobody has it open any more
                pass
    return process.returncode, shown.decode().replace("\r\n", "\n")
