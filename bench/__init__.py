"""The cost of a check, compared with Debian's blackbox_exporter: `python -m bench`, or `make bench`.

Rules for fair figures (README.md describes how each is measured):

* Only real processes: the hub as users start it, with its store on disk and both listeners; the exporter as Debian
  ships it; nginx as the target of both.
* The measured process runs alone on one core; targets, scraper and load run on the other.
* CPU time is what the kernel counts for the process, with its threads and children, over a window, divided by the
  checks completed in it. Nothing is subtracted.
* The hub and the exporter take turns, and the result is the median of the rounds.
"""
