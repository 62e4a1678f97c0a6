"""What a check costs, beside Debian's blackbox_exporter: `python -m bench`, or `make bench`.

Rules that keep the figures honest (README.md says how each comes about):

* Real processes only: the hub as users start it, with its store on disk and both listeners; the exporter as Debian
  ships it; nginx as the target of both.
* What is measured runs alone on one core; targets, scraper and load run on the other.
* CPU is what the kernel accounts to the process, with its threads and children, over a window, divided by the checks
  that were completed in it. Nothing is subtracted.
* Ours and theirs take turns, and the median of the rounds is told.
"""
