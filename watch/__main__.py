"""`python -m watch` is `threenines`."""

from watch.cli import main

main()
