"""HTTP, with libcurl on the event loop: one request, redirects, JSON APIs, S3."""
