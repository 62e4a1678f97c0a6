"""A machine's Fibre Channel adapters, written from the kernel's ABI documents and scsi_transport_fc.c."""

from __future__ import annotations

COUNTERS = """
error_frames dumped_frames invalid_crc_count invalid_tx_word_count link_failure_count loss_of_signal_count
loss_of_sync_count
"""
NONE = dict.fromkeys(COUNTERS.split(), "0x0")
HOST = {
    "port_state": "Online",
    "port_type": "NPort (fabric via point-to-point)",
    "speed": "16 Gbit",
    "supported_speeds": "4 Gbit, 8 Gbit, 16 Gbit",
    "symbolic_name": "QLE2692 FW:v8.08.231 DVR:v10.02.00.106-k",
}
TARGET = {"port_state": "Online", "roles": "FCP Target", "scsi_target_id": "0"}


class Machine:
    """A machine's /sys as the kernel builds it: devices in their tree, classes as links to them."""

    def __init__(self, root):
        self.root = root

    def port(self, number, *, errors=None, **files):
        side = "ab"[number % 2]
        known = {"port_name": f"0x50014380242b9a5{number}", "fabric_name": f"0x1000000533{side * 6}"}
        folder = self._device(f"host{number}/fc_host/host{number}", "fc_host", HOST | known | files)
        (folder / "statistics").mkdir()
        for name, value in (NONE | (errors or {})).items():
            (folder / "statistics" / name).write_text(f"{value}\n")
        return self

    def seen(self, host, number, **files):
        name = f"rport-{host}:0-{number}"
        where = f"host{host}/{name}/fc_remote_ports/{name}"
        known = {"port_name": f"0x500601603b20199{number}"}
        self._device(where, "fc_remote_ports", TARGET | known | files)
        return self

    def _device(self, where, kind, files):
        folder = self.root / "sys/devices/pci0000:00/0000:00:03.0" / where
        folder.mkdir(parents=True)
        (self.root / "sys/class" / kind).mkdir(parents=True, exist_ok=True)
        (self.root / "sys/class" / kind / folder.name).symlink_to(folder)
        (folder / "subsystem").symlink_to(self.root / "sys/class" / kind)
        for name, value in files.items():
            if value is not None:
                (folder / name).write_text(f"{value}\n")
        return folder
