"""HTTP, with libcurl on the event loop: requests, redirects, JSON APIs, S3."""
