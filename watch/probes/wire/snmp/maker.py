"""Whose device it is: the numbers under which makers are registered (IANA, private enterprise numbers).

What MIB-2 knows of a device ends at its interfaces. How busy a firewall is, how many sessions it has and
which of a pair it is, every maker says in a MIB of its own, and that MIB is named where it is read.
"""

CISCO = 9
JUNIPER = 2636
CHECK_POINT = 2620
F5 = 3375
NETSCALER = 5951
NET_SNMP = 8072  # Linux, and what is built on it without saying so: Check Point's older Gaia
FORTINET = 12356
PALO_ALTO = 25461
ARISTA = 30065

MIB2 = "1.3.6.1.2.1"
PRIVATE = "1.3.6.1.4.1"
