"""What every connection needs: names, addresses, sockets, TLS, ICMP, and whose fault a failure is."""
