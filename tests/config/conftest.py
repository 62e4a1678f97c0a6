"""Written configurations, read as a user would have them read."""

from __future__ import annotations

from textwrap import dedent

import pytest

from watch.config import load
from watch.errors import ConfigError

WEB = 'components: {web: {checks: {home: {http: "http://127.0.0.1/"}}}}\n'


class Desk:
    """A folder to write checks.yaml into, and what reading it gives."""

    def __init__(self, folder):
        self.folder = folder
        self.path = folder / "checks.yaml"

    def write(self, text, name="checks.yaml"):
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else dedent(text).encode())
        return path

    def read(self, text, environ=None, **options):
        """What *text* is when it is checks.yaml."""
        return load(self.write(text), environ=environ or {}, **options)

    def settings(self, text, environ=None, **options):
        return self.read(text, environ, **options).settings

    def check(self, text, before=""):
        """The one check whose mapping is *text*."""
        return next(
            iter(
                self.settings(f"{before}components: {{web: {{checks: {{home: {text}}}}}}}\n").checks.values()
            )
        )

    def mistakes(self, text, environ=None, **options):
        """The mistakes in *text*: their messages."""
        with pytest.raises(ConfigError) as caught:
            self.read(text, environ, **options)
        return [mistake.message for mistake in caught.value.mistakes]

    def warnings(self, text, **options):
        return [remark.message for remark in self.read(text, **options).warnings]


@pytest.fixture
def desk(tmp_path):
    return Desk(tmp_path)
