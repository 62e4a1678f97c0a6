"""Disks and arrays: iSCSI, Fibre Channel, RAID, DRBD, ZFS, snapshots."""
