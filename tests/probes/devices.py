"""Recorded SNMP devices, as snmpsim replays them: one file a device, served under the community of its name."""

from __future__ import annotations

INTEGER, TEXT, HEX, OID, COUNTER, GAUGE, TICKS, BIG = "2", "4", "4x", "6", "65", "66", "67", "70"
MIB2, PRIVATE = "1.3.6.1.2.1", "1.3.6.1.4.1"


def scalars(root, kind, values):
    """The lines of single values under *root*."""
    return [(f"{root}.{tail}.0", kind, value) for tail, value in values.items()]


def table(entry, columns, rows):
    """The lines of a table: *columns* are (number, type), *rows* map an index to the columns' values."""
    return [
        (f"{entry}.{number}.{index}", kind, value)
        for index, values in rows.items()
        for (number, kind), value in zip(columns, values, strict=True)
        if value is not None
    ]


def system(name, maker=None):
    """What every device says of itself; *maker* is the number that it is registered under."""
    return [
        (f"{MIB2}.1.1.0", TEXT, f"a recorded {name}"),
        *([(f"{MIB2}.1.2.0", OID, f"{PRIVATE}.{maker}.1.1")] if maker else []),
        (f"{MIB2}.1.3.0", TICKS, 360_000),
        (f"{MIB2}.1.5.0", TEXT, f"{name}1"),
    ]


def rising(rate):
    """A counter that grows by *rate* a second."""
    return f"rate={rate},initial=1000"


# index: name, admin, oper, in and out errors, in and out discards
PORTS = {
    1: ("ge-0/0/0", 1, 1, 3, 4, 5, 6),
    2: ("ge-0/0/1", 1, 2, 0, 0, 0, 0),
    3: ("ge-0/0/2", 2, 2, 0, 0, 0, 0),
}
ROUTER = [
    *system("router"),
    *table(
        f"{MIB2}.2.2.1",
        [(2, TEXT), (7, INTEGER), (8, INTEGER), (14, COUNTER), (20, COUNTER), (13, COUNTER), (19, COUNTER)],
        PORTS,
    ),
    *table(f"{MIB2}.31.1.1.1", [(1, TEXT), (15, GAUGE)], {n: (port[0], 10) for n, port in PORTS.items()}),
    # A quarter of 10 Mb/s comes in on the first, an eighth goes out.
    (f"{MIB2}.31.1.1.1.6.1", f"{BIG}:numeric", rising(312_500)),
    (f"{MIB2}.31.1.1.1.10.1", f"{BIG}:numeric", rising(156_250)),
    *[(f"{MIB2}.31.1.1.1.{column}.{n}", BIG, 0) for column in (6, 10) for n in (2, 3)],
    *table(
        f"{MIB2}.15.3.1",
        [(2, INTEGER), (3, INTEGER), (9, INTEGER), (16, GAUGE)],
        {
            "192.0.2.1": (6, 2, 64500, 86_400),
            "192.0.2.5": (6, 2, 64501, 60),
            "198.51.100.9": (3, 2, 64502, 0),
            "203.0.113.1": (1, 1, 64503, 0),
        },
    ),
    *table(f"{MIB2}.68.1.3.1", [(3, INTEGER)], {"1.10": (3,), "2.20": (2,)}),
    ("1.3.6.1.4.1.99999.1.0", TEXT, "12.5"),
    ("1.3.6.1.4.1.99999.2.0", f"{COUNTER}:numeric", rising(1000)),
    ("1.3.6.1.4.1.99999.3.0", HEX, "001b44fffe80"),
]
UPS = [
    *system("ups"),
    *[
        (f"{MIB2}.33.1.{tail}.0", INTEGER, value)
        for tail, value in (
            ("2.1", 2),
            ("2.2", 0),
            ("2.3", 97),
            ("2.4", 99),
            ("2.7", 24),
            ("4.1", 3),
            ("7.3", 1),
        )
    ],
    *table(f"{MIB2}.33.1.4.4.1", [(5, INTEGER)], {1: (31,), 2: (44,)}),
]
WORN_UPS = [
    *system("worn_ups"),
    *[
        (f"{MIB2}.33.1.{tail}.0", INTEGER, value)
        for tail, value in (("2.1", 3), ("2.2", 75), ("2.3", 4), ("2.4", 18), ("4.1", 5), ("7.3", 6))
    ],
    *table(
        f"{MIB2}.33.1.6.2.1",
        [(2, OID)],
        {1: (f"{MIB2}.33.1.6.3.1",), 2: (f"{MIB2}.33.1.6.3.2",)},
    ),
]
DEAD_UPS = [*system("dead_ups"), (f"{MIB2}.33.1.4.1.0", INTEGER, 2)]
FABRIC = [
    *system("fabric"),
    *table(
        f"{MIB2}.75.1.2.2.1",
        [(1, INTEGER), (2, INTEGER)],
        {"1.1": (1, 1), "1.2": (1, 4), "1.3": (2, 2)},
    ),
    *table(
        f"{MIB2}.75.1.3.1.1",
        [(1, COUNTER), (2, COUNTER), (3, COUNTER), (5, COUNTER), (6, COUNTER)],
        {"1.1": (0, 1, 0, 0, 2), "1.2": (9, 8, 7, 6, 5), "1.3": (0, 0, 0, 0, 0)},
    ),
]
F5 = "1.3.6.1.4.1.3375.2.2.5.6.2.1"
MEMBERS = {
    "web-a": ("web", "a", 443, 1, 1),
    "web-b": ("web", "b", 443, 3, 1),
    "web-c": ("web", "c", 443, 3, 2),
}
BALANCER = [
    *system("balancer"),
    *table(
        F5,
        [(1, TEXT), (9, TEXT), (4, INTEGER), (5, INTEGER), (6, INTEGER)],
        {f"3.119.101.98.1.{97 + n}.443": member for n, member in enumerate(MEMBERS.values())},
    ),
]
# type, scale, precision, value, state
RACK = [
    *system("rack"),
    *table(
        f"{MIB2}.99.1.1.1",
        [(n, INTEGER) for n in (1, 2, 3, 4, 5)],
        {
            10: (8, 9, 1, 245, 1),
            11: (8, 9, 0, 31, 1),
            12: (9, 9, 0, 40, 1),
            13: (10, 9, 0, 4200, 1),
            14: (8, 9, 0, 0, 3),
            15: (6, 8, 0, 350_500, 1),
        },
    ),
    *table(
        f"{MIB2}.47.1.1.1.1",
        [(7, TEXT)],
        {10: ("inlet",), 11: ("outlet",), 12: ("humidity",), 13: ("fan 1",), 14: ("broken",), 15: ("PSU",)},
    ),
    *table(
        f"{MIB2}.25.2.3.1",
        [(2, OID), (3, TEXT), (4, INTEGER), (5, INTEGER), (6, INTEGER)],
        {
            1: (f"{MIB2}.25.2.1.2", "Physical memory", 1024, 1000, 990),
            2: (f"{MIB2}.25.2.1.4", "/", 4096, 1000, 250),
            3: (f"{MIB2}.25.2.1.4", "/srv", 4096, 2000, 1800),
            4: (f"{MIB2}.25.2.1.4", "/huge", 4096, -2_000_000_000, 100),
        },
    ),
    *table(f"{MIB2}.25.3.3.1", [(2, INTEGER)], {768: (10,), 769: (70,)}),
]
ALL = {
    "router": ROUTER,
    "ups": UPS,
    "worn_ups": WORN_UPS,
    "dead_ups": DEAD_UPS,
    "fabric": FABRIC,
    "balancer": BALANCER,
    "rack": RACK,
}


def recorded(lines):
    """*lines* as a file of snmpsim's, in the order that it searches."""
    ordered = sorted(lines, key=lambda line: [int(part) for part in line[0].split(".")])
    return "".join(f"{oid}|{kind}|{value}\n" for oid, kind, value in ordered)
