"""SNMP: an agent, and the tables of devices."""
