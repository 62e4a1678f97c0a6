"""Says which URLs apprise accepts. A program of its own, so that a hub need not load apprise to read checks.yaml.

A JSON list of URLs on standard input; on standard output ``{"accepted": [true, …], "schemes": ["json", …]}``.
"""

from __future__ import annotations

import json
import logging
import sys
import warnings


def main() -> None:
    """Answer once."""
    out, sys.stdout = sys.stdout, sys.stderr  # what a plug-in prints is no answer
    urls = json.load(sys.stdin)
    warnings.simplefilter("ignore")  # its plug-ins use deprecated modules
    import apprise  # noqa: PLC0415 - after the warnings are off
    from apprise import plugins  # noqa: PLC0415 - likewise

    logging.disable(logging.CRITICAL)  # it would print the URL that it cannot read
    accepted = [apprise.Apprise.instantiate(url) is not None for url in urls]
    schemes = sorted(plugins.N_MGR.schemas())  # type: ignore[no-untyped-call]  # apprise has no types here
    json.dump({"accepted": accepted, "schemes": schemes}, out)


if __name__ == "__main__":
    main()
