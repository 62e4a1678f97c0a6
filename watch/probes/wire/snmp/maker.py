"""The makers of devices, by their private enterprise numbers (IANA).

MIB-2 covers little more than interfaces. For load, sessions and high availability each maker has a MIB of its
own, which is named where it is read.
"""

CISCO = 9
JUNIPER = 2636
CHECK_POINT = 2620
F5 = 3375
NETSCALER = 5951
NET_SNMP = (
    8072  # Linux, and devices that are based on it and report nothing else, such as Check Point's older Gaia
)
FORTINET = 12356
PALO_ALTO = 25461
ARISTA = 30065

MIB2 = "1.3.6.1.2.1"
PRIVATE = "1.3.6.1.4.1"
