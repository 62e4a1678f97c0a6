"""Protocols of commands and replies in text lines: SMTP, IMAP, POP3, FTP."""
