"""What speaks the documented JSON of Elasticsearch, in a process of its own: no real one can be had."""

from __future__ import annotations

import contextlib
import json
import sys

from tests.ports import free_port
from tests.probes.daemons import running
from tests.probes.servers import Asked, Stood, words

AGAINST = words("a scripted peer; never run against a real server")


# As the reference of Elasticsearch 8 gives it for GET /_cluster/health.
GREEN = {
    "cluster_name": "testcluster",
    "status": "green",
    "timed_out": False,
    "number_of_nodes": 3,
    "number_of_data_nodes": 2,
    "active_primary_shards": 5,
    "active_shards": 10,
    "relocating_shards": 1,
    "initializing_shards": 0,
    "unassigned_shards": 0,
    "delayed_unassigned_shards": 0,
    "number_of_pending_tasks": 2,
    "number_of_in_flight_fetch": 0,
    "task_max_waiting_in_queue_millis": 1500,
    "active_shards_percent_as_number": 100.0,
}
SCRIPT = """
import http.server, sys

class Health(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        right = self.path.partition("?")[0] == "/_cluster/health"
        self.send_response(200 if right else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

told = sys.argv[2].encode()
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Health).serve_forever()
"""


@contextlib.contextmanager
def stand(site):
    port = free_port()
    program = [sys.executable, "-I", "-c", SCRIPT, port, json.dumps(GREEN)]
    with running(*program, places=[("127.0.0.1", port)]) as process:
        yield Stood(process, {"elasticsearch": Asked(f"http://127.0.0.1:{port}")})
