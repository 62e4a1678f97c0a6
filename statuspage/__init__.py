"""What customers see: takes a `Page`, gives bytes.

Imports nothing of `watch`: a private row cannot leak through a renderer that never sees one. Whatever may be
shown is a field of `statuspage.page.Page`; whatever is not, stays unknown here.
"""
