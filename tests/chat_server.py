"""A local server that speaks the chat protocol, and misbehaves on request."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Script = Callable[[str], "Reply"]
"""From the narration that was asked about to the reply."""


@dataclass(frozen=True, kw_only=True)
class Reply:
    body: bytes
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    pause_s: float = 0.0
    """Before every byte of the body."""
    drips_headers: bool = False
    """Whether it sends one header after the other, without an end."""
    announced: int | None = None
    """A Content-Length that the body does not have."""


@dataclass
class ChatServer:
    endpoint: str
    script: Script
    asked: list[dict[str, object]] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)


def says(text: str, tokens: int = 50) -> Reply:
    """A well-formed reply with this rewrite."""
    return content(json.dumps({"text": text}), tokens)


def content(message: str, tokens: int = 50) -> Reply:
    """A reply whose message is this, whatever it is."""
    choices = [{"message": {"role": "assistant", "content": message}}]
    body = {"choices": choices, "usage": {"total_tokens": tokens}}
    return Reply(body=json.dumps(body).encode())


@contextmanager
def chat_server(script: Script) -> Iterator[ChatServer]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            served.asked.append(asked)
            served.keys.append(self.headers.get("Authorization"))
            narration = json.loads(asked["messages"][-1]["content"])["narration"]
            self._send(served.script(narration))

        def _send(self, reply: Reply) -> None:
            self.send_response(reply.status)
            for name, value in reply.headers:
                self.send_header(name, value)
            self.send_header("Content-Length", str(reply.announced or len(reply.body)))
            try:
                while reply.drips_headers:
                    self.send_header("X-A", "b")
                    self.flush_headers()
                    time.sleep(0.02)
                self.end_headers()
                if not reply.pause_s:
                    self.wfile.write(reply.body)
                    return
                for byte in reply.body:
                    self.wfile.write(bytes([byte]))
                    self.wfile.flush()
                    time.sleep(reply.pause_s)
            except (BrokenPipeError, ConnectionResetError):
                pass  # The client did not wait.

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served = ChatServer(f"http://127.0.0.1:{server.server_port}/v1", script)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
