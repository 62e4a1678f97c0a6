"""Routers, firewalls and load balancers as `devices` has them: written after their makers' MIBs."""

from __future__ import annotations

from tests.probes.devices import (
    BIG,
    COUNTER,
    GAUGE,
    HEX,
    INTEGER,
    MIB2,
    OID,
    PRIVATE,
    TEXT,
    TICKS,
    rising,
    scalars,
    system,
    table,
)

CISCO = f"{PRIVATE}.9.9"
CISCO_ROUTER = [
    *system("cisco_router", 9),
    *table(f"{CISCO}.109.1.1.1.1", [(2, INTEGER), (7, GAUGE)], {1: (1000, 12), 2: (0, 40)}),
    (f"{MIB2}.47.1.1.1.1.7.1000", TEXT, "Route Processor 0"),
    # cempMemPool: what is called lsmpi_io is full from the start.
    *table(
        f"{CISCO}.221.1.1.1.1",
        [(2, INTEGER), (3, TEXT), (7, GAUGE), (8, GAUGE), (18, BIG), (20, BIG)],
        {
            "1000.1": (2, "Processor", 4_294_967_295, 4_294_967_295, 6_000_000_000, 18_000_000_000),
            "1000.2": (1, "lsmpi_io", 6_295_088, 824, None, None),
        },
    ),
    # HSRP: active in one group, waiting in the next; nobody has told the third its address, the fourth is off.
    *table(
        f"{CISCO}.106.1.2.1.1",
        [(15, INTEGER), (17, INTEGER)],
        {"3.10": (6, 1), "4.20": (5, 1), "5.30": (2, 1), "6.40": (1, 2)},
    ),
    # Interfaces as an old one has them: 32 bits, of which one wraps within the run; 64 on the fast one only.
    *table(
        f"{MIB2}.2.2.1",
        [(2, TEXT), (5, GAUGE), (7, INTEGER), (8, INTEGER)],
        {
            1: ("Serial0", 512_000, 1, 1),
            2: ("Gi0/1", 1_000_000_000, 1, 1),
            3: ("Serial1", 512_000, 1, 1),
        },
    ),
    *table(f"{MIB2}.31.1.1.1", [(1, TEXT), (15, GAUGE)], {1: ("Se0", 0), 2: ("Gi0/1", 1000), 3: ("Se1", 0)}),
    (f"{MIB2}.2.2.1.10.1", f"{COUNTER}:numeric", "rate=32000,initial=4294967290,wrap=1"),
    (f"{MIB2}.2.2.1.16.1", COUNTER, 1),
    (f"{MIB2}.2.2.1.10.2", COUNTER, 7),
    (f"{MIB2}.2.2.1.16.2", COUNTER, 7),
    (f"{MIB2}.31.1.1.1.6.2", BIG, 7),
    (f"{MIB2}.31.1.1.1.10.2", f"{BIG}:numeric", rising(12_500_000)),
]
OLD_CISCO = [
    *system("old_cisco", 9),
    *table(f"{CISCO}.109.1.1.1.1", [(4, GAUGE)], {1: (71,)}),
    *table(
        f"{CISCO}.48.1.1.1",
        [(2, TEXT), (5, GAUGE), (6, GAUGE)],
        {1: ("Processor", 30, 70), 2: ("I/O", 99, 1)},
    ),
]


def asa(primary, secondary, word="Active unit"):
    """An ASA that is the primary unit of its pair."""
    return [
        *system("asa", 9),
        *table(
            f"{CISCO}.147.1.2.1.1.1",
            [(2, TEXT), (3, INTEGER), (4, TEXT)],
            {
                4: ("Failover LAN Interface", 2, "FAILOVER Ethernet0/3"),
                6: ("Primary unit (this device)", primary, word),
                7: ("Secondary unit", secondary, word),
            },
        ),
        (f"{CISCO}.147.1.2.2.2.1.5.40.6", GAUGE, 81_000),
    ]


JNX = f"{PRIVATE}.2636.3"


def srx(first=3, second=2):
    """A cluster of two SRX: the standings of their routing engines, 2 master, 3 backup, 4 disabled."""
    return [
        *system("srx", 2636),
        *table(
            f"{JNX}.1.13.1",
            [(5, TEXT), (8, GAUGE), (11, GAUGE)],
            {
                "4.1.0.0": ("node0 Fan Tray", 0, 0),
                "9.1.0.0": ("node0 Routing Engine", 22, 61),
                "9.3.0.0": ("node1 Routing Engine", 4, 58),
            },
        ),
        *table(
            f"{JNX}.1.14.1",
            [(5, TEXT), (7, INTEGER)],
            {"9.1.0.0": ("node0 Routing Engine 0", first), "9.3.0.0": ("node1 Routing Engine 0", second)},
        ),
        *table(
            f"{JNX}.39.1.12.1.1.1",
            [(2, GAUGE), (3, GAUGE), (4, GAUGE), (5, GAUGE), (6, GAUGE), (7, GAUGE), (11, TEXT)],
            {0: (0, 0, 9, 70, 400_000, 524_288, "node0"), 1: (0, 0, 3, 57, 1000, 524_288, "node1")},
        ),
    ]


def palo_alto(state, peer, mode="Active-Passive"):
    return [
        *system("palo_alto", 25461),
        *scalars(f"{PRIVATE}.25461.2.1.2.1", TEXT, {11: state, 12: peer, 13: mode}),
        *scalars(f"{PRIVATE}.25461.2.1.2.3", INTEGER, {1: 87, 2: 65_536, 3: 57_344}),
        *table(f"{MIB2}.25.3.3.1", [(2, INTEGER)], {1: (5,), 2: (31,)}),
        *table(
            f"{MIB2}.25.2.3.1",
            [(2, OID), (3, TEXT), (4, INTEGER), (5, INTEGER), (6, INTEGER)],
            {
                1020: (f"{MIB2}.25.2.1.2", "Management RAM", 1024, 4000, 3000),
                1030: (f"{MIB2}.25.2.1.4", "Root partition", 1024, 1000, 990),
            },
        ),
    ]


def fortigate(master, synced=1, mode=3):
    """A FortiGate of serial FG1, called fw-a, with a peer."""
    root = f"{PRIVATE}.12356"
    return [
        *system("fortigate", 12356),
        (f"{root}.100.1.1.1.0", TEXT, "FG1"),
        *scalars(f"{root}.101.4.1", GAUGE, {3: 35, 4: 82, 8: 12_345}),
        (f"{root}.101.13.1.1.0", INTEGER, mode),
        *table(
            f"{root}.101.13.2.1.1",
            [(2, TEXT), (11, TEXT), (12, INTEGER), (16, TEXT)],
            {1: ("FG1", "fw-a", 1, master), 2: ("FG2", "fw-b", synced, master)},
        ),
    ]


def check_point(state, maker=2620, started="yes"):
    root = f"{PRIVATE}.2620.1"
    return [
        *system("check_point", maker),
        *scalars(f"{root}.1.25", GAUGE, {3: 40_000, 10: 50_000}),
        (f"{root}.5.2.0", INTEGER, 1),
        (f"{root}.5.5.0", TEXT, started),
        (f"{root}.5.6.0", TEXT, state),
        (f"{root}.6.7.2.4.0", INTEGER, 15),
        *scalars(f"{root}.6.7.4", TEXT, {3: "8101654528", 4: "2025413632"}),
    ]


def big_ip(role, sync=3):
    root = f"{PRIVATE}.3375.2.1"
    return [
        *system("big_ip", 3375),
        *scalars(f"{root}.1.2.1", BIG, {8: 1200, 44: 8000, 45: 2000}),
        (f"{root}.14.1.1.0", INTEGER, sync),
        (f"{root}.14.3.1.0", INTEGER, role),
        *table(f"{MIB2}.25.3.3.1", [(2, INTEGER)], {1: (20,)}),
    ]


def netscaler(mode, peer, state=3):
    root = f"{PRIVATE}.5951.4.1"
    return [
        *system("netscaler", 5951),
        *scalars(f"{root}.1", INTEGER, {6: mode, "23.3": peer, "23.24": state}),
        *scalars(f"{root}.1", GAUGE, {"41.1": 7, "41.2": 33, "46.2": 4000}),
        *table(
            f"{root}.2.1.1",
            [(1, TEXT), (5, INTEGER)],
            {"3.119.101.49": ("we1", 7), "3.119.101.50": ("we2", 1), "3.119.101.51": ("we3", 4)},
        ),
    ]


def neighbours(name, maker, columns, index):
    """A router with a neighbour over IPv4, one over IPv6 that is away, and one over IPv6 that is switched off."""
    four, six = "192.0.2.1", "32.1.13.184" + ".0" * 11
    states = {
        index(1, 4, four): (6, 2, 64500, 300),
        index(2, 16, f"{six}.1"): (3, 2, 64501, 0),
        index(2, 16, f"{six}.2"): (1, 1, 64502, 0),
    }
    return [
        *system(name, maker),
        *[
            (f"{PRIVATE}.{maker}.{column}.{place}", GAUGE if kind > 1 else INTEGER, values[kind])
            for kind, column in enumerate(columns)
            for place, values in states.items()
        ],
    ]


def both_ends(kind, width, address):
    """Juniper's index: an instance, our own address, the neighbour's."""
    own = ".".join("9" * width)
    return f"0.{kind}.{own}.{kind}.{address}"


BGP = [f"9.187.1.2.5.1.{column}" for column in (3, 4, 11, 19)]
BROCADE = [
    *system("brocade", 1588),
    # operational, administrative, errors of four kinds, name
    *table(
        f"{PRIVATE}.1588.2.1.1.1.6.2.1",
        [(4, INTEGER), (5, INTEGER), (21, COUNTER), (22, COUNTER), (26, COUNTER), (28, COUNTER), (36, TEXT)],
        {
            1: (1, 1, 0, 2, 0, 1, "array-a"),
            2: (2, 1, 0, 0, 9, 0, "port1"),
            3: (2, 2, 0, 0, 0, 0, ""),
        },
    ),
]
NEXUS = [
    *system("nexus", 9),
    *table(
        f"{CISCO}.91.1.1.1.1",
        [(n, INTEGER) for n in (1, 2, 3, 4, 5)],
        {21590: (8, 9, 0, 41, 1), 21591: (8, 9, 0, 0, 3)},
    ),
    *table(f"{MIB2}.47.1.1.1.1", [(7, TEXT)], {21590: ("module-1 Intake",), 21591: ("PSU-2",)}),
]


def apc(battery, output, left, replace, ticks=0):
    root = f"{PRIVATE}.318.1.1.1"
    return [
        *system("apc", 318),
        *scalars(root, INTEGER, {"2.1.1": battery, "2.2.4": replace, "4.1.1": output}),
        *scalars(root, TICKS, {"2.1.2": ticks, "2.2.3": left}),
        *scalars(root, GAUGE, {"2.2.1": 100, "2.2.2": 23, "4.2.3": 38}),
    ]


LIAR = [
    *system("liar", 2620),
    (f"{PRIVATE}.2620.1.1.25.3.0", TEXT, "many"),
    *scalars(f"{PRIVATE}.2620.1.6.7.4", TEXT, {3: "9" * 400, 4: "9" * 400}),
    (f"{PRIVATE}.2620.1.5.6.0", HEX, "ff00fe"),
]
KEEPALIVED = [
    *system("keepalived", 8072),
    *table(
        f"{PRIVATE}.9586.100.5.3.4.1",
        [(4, HEX), (5, GAUGE), (6, INTEGER)],
        {"1.1": ("c0000201", 443, 1), "1.2": ("20010db8" + "0" * 22 + "02", 443, 2)},
    ),
    # VRRPV3-MIB: ifIndex, group, kind of address.
    *table(
        f"{MIB2}.207.1.1.1.1",
        [(6, INTEGER), (13, INTEGER)],
        {"2.51.1": (3, 1), "2.51.2": (3, 1), "2.52.1": (1, 1), "2.53.1": (1, 2)},
    ),
]
ALL = {
    "cisco_router": CISCO_ROUTER,
    "old_cisco": OLD_CISCO,
    "asa": asa(9, 10),
    "asa_failed_over": asa(10, 9),
    "asa_alone": asa(9, 4),
    "asa_off": asa(3, 3, "Failover Off"),
    "srx": srx(),
    "srx_half": srx(2, 4),
    "srx_off": srx(4, 4),
    "palo_alto": palo_alto("active", "passive"),
    "palo_alto_waits": palo_alto("passive", "active"),
    "palo_alto_alone": palo_alto("active", "unknown"),
    "palo_alto_broken": palo_alto("non-functional", "active"),
    "palo_alto_single": palo_alto("disabled", "unknown", "disabled"),
    "fortigate": fortigate("FG1"),
    "fortigate_waits": fortigate("FG2"),
    "fortigate_apart": fortigate("FG1", synced=0),
    "fortigate_single": fortigate("", mode=1),
    "check_point": check_point("active"),
    "check_point_hidden": check_point("Active Attention", maker=8072),
    "check_point_stopped": check_point("down", started="no"),
    "big_ip": big_ip(4),
    "big_ip_forced": big_ip(2, sync=1),
    "big_ip_single": big_ip(4, sync=6),
    "big_ip_offline": big_ip(1),
    "netscaler": netscaler(1, 2),
    "netscaler_broken": netscaler(2, 1, state=7),
    "keepalived": KEEPALIVED,
    "brocade": BROCADE,
    "nexus": NEXUS,
    "apc": apc(2, 2, 240_000, 1),
    "apc_on_battery": apc(3, 3, 12_000, 1, ticks=3000),
    "apc_worn": apc(4, 2, 0, 1),
    "apc_off": apc(2, 7, 0, 2),
    "liar": LIAR,
    "cisco_bgp": neighbours("cisco_bgp", 9, BGP, "{0}.{1}.{2}".format),
    "arista_bgp": neighbours(
        "arista_bgp",
        30065,
        ["4.1.1.2.1.13", "4.1.1.2.1.12", "4.1.1.2.1.10", "4.1.1.4.1.1"],
        "1.{0}.{1}.{2}".format,
    ),
    "juniper_bgp": neighbours(
        "juniper_bgp",
        2636,
        ["5.1.1.2.1.1.1.2", "5.1.1.2.1.1.1.3", "5.1.1.2.1.1.1.13", "5.1.1.2.4.1.1.1"],
        both_ends,
    ),
}
