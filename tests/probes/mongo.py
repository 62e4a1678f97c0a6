"""A scripted MongoDB: OP_MSG by hand from its specification, BSON by pymongo's, logins by its own arithmetic."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import struct
from datetime import UTC, datetime, timedelta

import bson
from bson.decimal128 import Decimal128

ROUNDS, SALT = 4096, b"salt of sixteen!"
NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
FORBIDDEN = {"ok": 0.0, "errmsg": "command requires authentication", "code": 13, "codeName": "Unauthorized"}


def member(number, state, *, behind=0, health=1.0, **more):
    """A member as replSetGetStatus lists it."""
    at = NOW - timedelta(seconds=behind)
    optime = {"optime": {"ts": bson.Timestamp(int(at.timestamp()), 1), "t": 4}, "optimeDate": at}
    return {
        "_id": number,
        "name": f"db{number}:27017",
        "health": health,
        "state": state,
        "lastHeartbeatMessage": "",
    } | (optime if state != 7 else {}) | more  # fmt: skip


def status(*members):
    return {"set": "rs0", "date": NOW, "term": 4, "members": list(members), "optimes": {}, "ok": 1.0}


HELLO = {
    "helloOk": True,
    "isWritablePrimary": True,
    "topologyVersion": {"processId": bson.ObjectId(), "counter": 6},
    "maxBsonObjectSize": 16777216,
    "localTime": NOW,
    "minWireVersion": 0,
    "maxWireVersion": 21,
    "readOnly": False,
    "ok": 1.0,
}
SET = {"setName": "rs0", "hosts": ["db0:27017", "db1:27017"], "secondary": False, "me": "db0:27017"}
SERVER = {
    "host": "db0",
    "version": "7.0.5",
    "uptime": 86400.0,
    "uptimeMillis": bson.Int64(86400123),
    "connections": {"current": 20, "available": 60, "totalCreated": 1234},
    "mem": {"bits": 64, "weight": Decimal128("1.5"), "pattern": bson.Regex("a", "i"), "low": bson.MinKey()},
    "ok": 1.0,
}


class Mongo:
    """Answers by command, after the login if one is demanded. What it was asked is kept in *asked*.

    Args:
        way: The mechanism it offers, None for no login.
        skips: Whether it knows skipEmptyExchange.
        proof: What to prove knowledge of the password with; wrong when it is a text.
    """

    def __init__(self, answers=None, *, way=None, user="mon", password="", skips=True, proof=None):
        self.answers = {"hello": HELLO, "ping": {"ok": 1.0}, "serverStatus": SERVER} | (answers or {})
        self.way, self.user, self.password, self.skips, self.proof = way, user, password, skips, proof
        self.asked = []

    async def __call__(self, reader, writer):
        known, login = self.way is None, {}
        while True:
            size, number, _, code = struct.unpack("<iiii", await reader.readexactly(16))
            body = await reader.readexactly(size - 16)
            assert code == 2013
            assert body[:5] == bytes(5)
            command = bson.decode(body[5:])
            self.asked.append(command)
            name = next(iter(command))
            if name == "saslStart":
                answer = self.begun(command, login)
            elif name == "saslContinue":
                answer = self.continued(command, login)
                known = known or answer.get("done", False)
            elif name in ("hello", "ping") or known:
                answer = self.answers[name]
            else:
                answer = FORBIDDEN
            if name == "hello" and "saslSupportedMechs" in command:
                answer = answer | {"saslSupportedMechs": [self.way]}
            writer.write(message(bson.encode(answer), number))
            await writer.drain()

    def begun(self, command, login):
        login["bare"] = command["payload"].decode().removeprefix("n,,")
        login["skip"] = self.skips and command["options"]["skipEmptyExchange"]
        assert login["bare"].startswith(f"n={self.user},r=")
        nonce = login["bare"].partition(",r=")[2] + "theirs"
        login["first"] = f"r={nonce},s={base64.b64encode(SALT).decode()},i={ROUNDS}"
        return {"conversationId": 7, "done": False, "payload": login["first"].encode(), "ok": 1.0}

    def continued(self, command, login):
        assert command["conversationId"] == 7
        said = command["payload"].decode()
        if not said:
            return {"conversationId": 7, "done": True, "payload": b"", "ok": 1.0}
        digest = {"SCRAM-SHA-256": "sha256", "SCRAM-SHA-1": "sha1"}[self.way]
        secret = self.password
        if digest == "sha1":
            secret = hashlib.md5(f"{self.user}:mongo:{secret}".encode()).hexdigest()
        salted = hashlib.pbkdf2_hmac(digest, secret.encode(), SALT, ROUNDS)
        bare, _, proof = said.rpartition(",p=")
        signed = f"{login['bare']},{login['first']},{bare}".encode()
        stored = hashlib.new(digest, hmac.digest(salted, b"Client Key", digest)).digest()
        signature = hmac.digest(stored, signed, digest)
        client = bytes(a ^ b for a, b in zip(base64.b64decode(proof), signature, strict=True))
        if hashlib.new(digest, client).digest() != stored:
            return {
                "ok": 0.0,
                "errmsg": "Authentication failed.",
                "code": 18,
                "codeName": "AuthenticationFailed",
            }
        mine = hmac.digest(hmac.digest(salted, b"Server Key", digest), signed, digest)
        told = self.proof or f"v={base64.b64encode(mine).decode()}"
        return {"conversationId": 7, "done": login["skip"], "payload": told.encode(), "ok": 1.0}


def message(document, to, *, flags=0, code=2013, section=0, size=None):
    """An OP_MSG around the bytes of a *document*."""
    body = struct.pack("<IB", flags, section) + document
    return struct.pack("<iiii", size or len(body) + 16, 1, to, code) + body


def replying(*parts):
    """A peer that answers the first command by *parts* and then waits."""

    async def talk(reader, writer):
        await reader.read(65536)
        for part in parts:
            writer.write(part)
            await writer.drain()
        await asyncio.Event().wait()

    return talk
