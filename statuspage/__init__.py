"""The public status page: `Page` value → bytes.

It imports nothing of `watch`: a renderer that never gets a private row cannot leak one. Everything that may be
shown is a field of `statuspage.page.Page`.
"""
