"""The kinds of trouble of the monitoring itself: what to do about each, and whether the hub is not ready meanwhile.

`status`, `/readyz`, the metric `threenines_trouble`, `monitor` alerts and `threenines doctor` all show troubles of
these kinds. In a cure, {it} stands for what the trouble is about: the part of its key after the colon.
"""

from __future__ import annotations

from typing import NamedTuple

from watch.core.standing import OwnTrouble

NEVER_PAGES_MS = 2**62  # `OwnTrouble.pages_ms` of a trouble that another one pages for
_KEEP = "Stop the hub and keep a copy of the store with its -wal file."


class TroubleKind(NamedTuple):
    """What to do about a trouble. *not_ready*: the hub cannot do its work while it lasts."""

    cure: str
    not_ready: bool = False


UNLISTED = TroubleKind("Read the log of the hub; with `threenines run --verbose` it says more.")

KINDS = {
    # ---- what a running hub finds ----
    "overloaded": TroubleKind(
        "Stop what else uses this machine's processor, give it a faster one, or ask less: raise `every` "
        "or remove checks in checks.yaml, then run `threenines reload`. If `threenines status` names "
        "descriptors as the reason, allow the hub more open files (`LimitNOFILE=` in its unit, or "
        "`ulimit -n`) and start it again.",
        not_ready=True,
    ),
    "first_readings": TroubleKind(
        "Wait: each check has its first turn within its `every`. If it takes longer, `threenines check "
        "NAME` runs it now.",
        not_ready=True,
    ),
    "loop_stuck": TroubleKind("Stop the hub and start it again; nothing on disk is lost.", not_ready=True),
    "store_stuck": TroubleKind(
        "Free space on the disk of the store, or make it writable again; if a program keeps the store "
        "locked (it may be sqlite3), close it. Do not stop the hub: it writes everything as soon as it "
        "can.",
        not_ready=True,
    ),
    "store_lost": TroubleKind(
        "If another file is in the place of the store, move it away: the hub then writes the store anew, and "
        "nothing is lost. Do not put a former file of the store back. If you stop the hub instead, it keeps "
        "all that it has in a file beside it whose name ends with `.rescued`; `threenines restore FILE` "
        "takes it over.",
        not_ready=True,
    ),
    "store_corrupt": TroubleKind(
        f"{_KEEP} Then move the store and its -wal and -shm files away, and put the newest backup in its "
        "place with `threenines restore FILE`; without a backup, `threenines run` begins a new store.",
        not_ready=True,
    ),
    "store_renewed": TroubleKind(
        "Do nothing about the store: the hub has written it anew. Find out who removed or replaced its file."
    ),
    "store_rows": TroubleKind(
        "Stop the hub, run `threenines ledger rebuild`, which removes what cannot be read or makes it anew, "
        "and start the hub again."
    ),
    "store_wal": TroubleKind(
        "Find the program that keeps the store open with `fuser -v` and its file, and close it."
    ),
    "checkpoint": TroubleKind("Run `threenines ledger verify`; it shows what is wrong with the record."),
    "days": TroubleKind("Run `threenines ledger verify --figures`; it shows what is wrong with the days."),
    "hub_socket": TroubleKind("Make the folder of the store writable for the hub; it opens the socket then."),
    "disk_filling": TroubleKind(
        "Free space on that disk or enlarge it. To make the store grow less, raise `every` or lower "
        "`retention` in checks.yaml, then run `threenines reload`."
    ),
    "vantage_blind": TroubleKind(
        "Repair the network of {it}: its canaries must answer from there. Its checks are unknown until "
        "then. If a canary is gone for good, replace it under `vantages` in checks.yaml and run "
        "`threenines reload`."
    ),
    "no_healthy_vantage": TroubleKind(
        "Repair the network of one of the vantage points named here; one that sees is enough."
    ),
    "canary_never_good": TroubleKind(
        "Correct or remove these under `canaries` of {it} in checks.yaml, then run `threenines reload`. A"
        " canary must answer whenever the network of the vantage point works, like its gateway or its "
        "resolver."
    ),
    "clock_skew": TroubleKind(
        "Set the machine's clock right and keep it right with NTP (`timedatectl set-ntp true`). If the "
        "new time is the right one, do nothing: the hub follows it."
    ),
    "clock_epoch": TroubleKind(
        "If the machine's time is right now, do nothing: the record is kept and this is said for five "
        "minutes. If it is wrong, set it right (`timedatectl set-ntp true`)."
    ),
    "hub_paused": TroubleKind(
        "If the machine was suspended on purpose, do nothing: this is said for five minutes. Otherwise "
        "keep the machine awake, and find out what stopped the process."
    ),
    "channel_refused": TroubleKind(
        "Correct that channel under `people` in checks.yaml, run `threenines validate`, then `threenines "
        "reload`."
    ),
    "channel_failing": TroubleKind(
        "Make the service of that channel reachable from this machine, or correct the channel under "
        "`people` in checks.yaml and run `threenines reload`. Notices are tried again until they are "
        "delivered."
    ),
    "channel_unanswered": TroubleKind(
        "Find out whether the notices arrived, and why the service of that channel does not answer in time. "
        "A notice is sent there twice at most, and then goes to the next channel or to others; what is said "
        "later is sent again."
    ),
    "sender_stuck": TroubleKind(
        "Make the services of the channels reachable from this machine, or correct the channels under "
        "`people` in checks.yaml and run `threenines reload`. Nothing is lost: the notices are sent as "
        "soon as a channel takes them."
    ),
    "step_late": TroubleKind(
        "Call by other means whoever should know: `threenines ack` lists the open alerts. Then stop the hub and start "
        "it again: nothing on disk is lost."
    ),
    "person_unreached": TroubleKind(
        "Tell {it} by other means, or let somebody take over: `threenines oncall override`. `threenines alert test "
        "{it}` shows what becomes of a page on each of their channels."
    ),
    "channel_lease": TroubleKind(
        "The process that sends gives no answer. Read the log of the hub, and if this lasts, stop the hub and start it "
        "again: nothing is lost."
    ),
    "heartbeat_held": TroubleKind(
        "Put right what is named here; the beats go on by themselves then. Until then the service that waits for them "
        "alerts people, as it should."
    ),
    "heartbeat_undelivered": TroubleKind(
        "Make that service reachable from this machine, or correct `heartbeat_to` in checks.yaml and run `threenines "
        "reload`. Until a beat arrives, the service alerts people."
    ),
    "checks_stopped": TroubleKind(
        "If the vantage point that asks them is an agent, start it; if it is this hub, stop the hub and "
        "start it again."
    ),
    "checks_unknown": TroubleKind(
        "Put right what is said in brackets; it lies on our side, not at the targets. `threenines check "
        "NAME` runs a check now and shows whether it works. If a probe gives no answer at all, raise its "
        "`timeout` or correct its options, then run `threenines reload`."
    ),
    "oncall_gap": TroubleKind(
        "Put somebody there: `threenines oncall override PERSON --rotation {it} --from TIME --to TIME`, or "
        "change `rotations` in checks.yaml and run `threenines reload`."
    ),
    "config_reload": TroubleKind(
        "Correct checks.yaml: `threenines validate` lists every mistake. The hub loads the file when you save it."
    ),
    # ---- what `threenines doctor` finds by itself ----
    "config_mistake": TroubleKind("Correct it in checks.yaml; `threenines validate` shows whether it is right."),
    "config_ignored": TroubleKind(
        "Change or remove it in checks.yaml, then run `threenines reload`."
    ),
    "no_hub": TroubleKind("Correct what else is listed here, then start it with `threenines run`."),
    "hub_silent": TroubleKind(
        "If it has just been started, wait. Otherwise end it with `kill {it}`, or with `kill -9 {it}` if it "
        "is still there after ten seconds, and start the hub again; nothing on disk is lost."
    ),
    "hub_private": TroubleKind("Run this command as {it}, whose hub it is: `sudo -u {it} threenines doctor`."),
    "version_differs": TroubleKind(
        "Stop the hub and start it again with `threenines run`, so that it runs the version that is "
        "installed."
    ),
    "library": TroubleKind("Install it again with all that it needs: `pip install --upgrade threenines`."),
    "port_taken": TroubleKind("Choose another address in checks.yaml."),
    "store_folder": TroubleKind(
        "Create that folder, or give this user the permission to write it (on a disk that is not "
        "read-only), or set `store:` in checks.yaml to another place."
    ),
    "store_unreadable": TroubleKind(
        "Give this user the permission to read the store and its folder, or run this as the hub's user."
    ),
    "store_newer": TroubleKind(
        "Install the version of Threenines that wrote it. To go back to this version, move the copy that "
        "was made before the migration (its name ends with `.schema-` and a number) in its place, and "
        "remove its -wal and -shm files."
    ),
    "store_link": TroubleKind(
        "Remove that link and find out who made it, or set `store:` in checks.yaml to the file itself."
    ),
    "store_foreign": TroubleKind("Set `store:` in checks.yaml to another file, or move that file away."),
    "ledger_broken": TroubleKind(
        f"{_KEEP} `threenines ledger verify` shows the first break; then put a backup from before it in "
        "its place with `threenines restore FILE`."
    ),
}  # fmt: skip


def trouble(key: str, text: str, since_ms: int, pages_ms: int = 0, cure: str = "") -> OwnTrouble:
    """The trouble *key* with the cure of its kind, or with *cure*."""
    name, _, it = key.partition(":")
    kind = KINDS.get(name, UNLISTED)
    return OwnTrouble(key, text, since_ms, pages_ms, cure or kind.cure.replace("{it}", it), kind.not_ready)
