"""A stand-in for RabbitMQ's management API with the answers of 4.0.5, and with the members of queues behind it."""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

A, B, C = "rabbit@broker-1", "rabbit@broker-2", "rabbit@broker-3"
_STATUS = {"Raft State": "follower", "Last Log Index": 8, "Snapshot Index": -1, "Term": 4, "Machine Version": 5}


@dataclass(slots=True)
class BrokerApi:
    """Attributes:
    nodes: whether it runs, by name.
    members: nodes by queue.
    leaders: node by queue.
    refusals: answers in place of the usual one, by the end of the path: status and body.
    imported: bodies of all imports.
    changes: paths of all other requests that change something.
    url: where it answers.
    """

    nodes: dict[str, bool]
    members: dict[str, list[str]]
    leaders: dict[str, str] = field(default_factory=dict)
    refusals: dict[str, tuple[int, Any]] = field(default_factory=dict)
    imported: list[dict[str, Any]] = field(default_factory=list)
    changes: list[str] = field(default_factory=list)
    url: str = ""

    def answer(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        """Status and JSON (None: no body) of a request."""
        for end, refusal in self.refusals.items():
            if path.partition("?")[0].endswith(end):
                return refusal
        if method == "GET":
            return self._read(path)
        if path == "/api/definitions":
            self.imported.append(body)
            return 204, None
        self.changes.append(path)
        if path == "/api/rebalance/queues":
            running = [name for name, runs in self.nodes.items() if runs]
            self.leaders = {queue: running[n % len(running)] for n, queue in enumerate(self.members)}
            return 204, None
        if found := re.fullmatch(r"/api/queues/quorum/troika/(.+)/replicas/add", path):
            self.members[found[1]].append(body["node"])
            return 204, None
        return 404, {"error": "Object Not Found", "reason": "Not Found"}

    def _read(self, path: str) -> tuple[int, Any]:
        if path == "/api/nodes?columns=name,running":
            return 200, [{"name": name, "running": runs} for name, runs in self.nodes.items()]
        if path == "/api/queues/troika?disable_stats=true":
            return 200, [self._queue(name) for name in self.members]
        if found := re.fullmatch(r"/api/queues/quorum/troika/(.+)/status", path):
            members = self.members[found[1]]
            if not all(self.nodes.get(name) for name in members):
                return 500, None
            return 200, [{"Node Name": name, "Membership": "voter", **_STATUS} for name in members]
        return 404, {"error": "Object Not Found", "reason": "Not Found"}

    def _queue(self, name: str) -> dict[str, Any]:
        members = self.members[name]
        online = [node for node in members if self.nodes.get(node)]
        leader = self.leaders.get(name, members[0])
        majority = 2 * len(online) > len(members)
        return {
            "arguments": {"x-queue-type": "quorum"},
            "auto_delete": False,
            "durable": True,
            "exclusive": False,
            "leader": leader,
            "members": members,
            "name": name,
            "node": leader,
            "online": online,
            "state": "running" if majority else "minority" if online else "down",
            "type": "quorum",
            "vhost": "troika",
        }


@contextmanager
def serving(api: BrokerApi) -> Iterator[BrokerApi]:
    """``api`` on a free port of loopback."""

    class Handler(BaseHTTPRequestHandler):
        def _respond(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            status, found = api.answer(self.command, self.path, body)
            text = b"" if found is None else json.dumps(found).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = _respond

        def log_message(self, format: str, *args: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    api.url = f"http://admin:secret-password@127.0.0.1:{server.server_port}"
    try:
        yield api
    finally:
        server.shutdown()
        server.server_close()
