"""Disks and what is made of them: iSCSI, Fibre Channel, RAID, DRBD, ZFS, snapshots."""
