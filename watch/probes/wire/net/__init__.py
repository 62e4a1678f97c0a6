"""The way to a target: names, addresses, sockets, TLS, ICMP, and whose fault it is when one fails."""
