"""moto's server, an object store that verifies signatures."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys

from tests.ports import free_port
from tests.probes.daemons import running
from tests.probes.servers import Asked, Stood, library

AGAINST = library("moto", "; never run against Amazon's or another vendor's store")
# What the tests need to be there, done in a process of its own: boto3 warns of much that is not ours.
FURNISH = """
import json, sys, urllib.request, boto3
url = sys.argv[1]
make = dict(endpoint_url=url, region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="y")
s3, iam = boto3.client("s3", **make), boto3.client("iam", **make)
for bucket in ("backups", "empty"):
    s3.create_bucket(Bucket=bucket)
for name in ("daily/a b+c.tar", "daily/<&>.tar", "weekly/ä/../x"):
    s3.put_object(Bucket="backups", Key=name, Body=b"x" * 1000)
for number in range(int(sys.argv[2])):
    s3.put_object(Bucket="backups", Key=f"many/{number}", Body=b"y")
iam.create_user(UserName="watch")
allowed = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
iam.put_user_policy(UserName="watch", PolicyName="look", PolicyDocument=json.dumps(allowed))
key = iam.create_access_key(UserName="watch")["AccessKey"]
how = {"Content-Type": "text/plain"}
asked = urllib.request.Request(url + "/moto-api/reset-auth", data=b"0", headers=how)
urllib.request.urlopen(asked).read()
print(json.dumps([key["AccessKeyId"], key["SecretAccessKey"]]))
"""


@contextlib.contextmanager
def moto(folder, many=0):
    """The store, with two buckets and *many* objects in one of them below many/.

    Yields its process, its address, and a key that may look and the key's secret.
    """
    port = free_port()
    env = os.environ | {"INITIAL_NO_AUTH_ACTION_COUNT": "100000", "PYTHONWARNINGS": "ignore"}
    program = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", port]
    with (
        (folder / "log").open("w") as log,
        running(*program, places=[("127.0.0.1", port)], user=False, env=env, log=log) as process,
    ):
        url = f"http://127.0.0.1:{port}"
        furnish = [sys.executable, "-c", FURNISH, url, str(many)]
        made = subprocess.run(furnish, capture_output=True, text=True, check=True, env=env)
        yield process, url, *json.loads(made.stdout)


@contextlib.contextmanager
def stand(site):
    with moto(site.folder) as (process, url, key, secret):
        there = {"url": f"{url}/backups", "prefix": "daily/", "access_key": key, "secret_key": secret}
        yield Stood(process, {"s3": Asked(there)})
