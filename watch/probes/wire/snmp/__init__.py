"""SNMP: one agent asked, and what its tables say of a device."""
