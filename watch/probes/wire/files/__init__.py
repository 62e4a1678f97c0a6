"""Files and folders, here or on another machine over SSH."""
