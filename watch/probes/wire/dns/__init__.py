"""DNS messages to a nameserver of the user's choice, and their signatures (DNSSEC)."""
