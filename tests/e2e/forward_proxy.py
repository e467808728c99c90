"""A forward proxy of the standard library that asks for a password and remembers what it was asked for."""
import base64
import http.client
import select
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

HOP_BY_HOP = {"connection", "proxy-connection", "proxy-authorization", "keep-alive", "transfer-encoding"}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.0"

    def log_message(self, *_):
        pass

    def allowed(self, host):
        if self.headers.get("Proxy-Authorization") != self.server.wanted:
            self.server.refused.append(self.path)
            self.send_error(407)
            return False
        self.server.seen.append((self.command, host, self.path, self.headers.get("User-Agent", "")))
        self.server.callers.add((self.client_address[0], self.headers.get("User-Agent", "").split("/")[0]))
        return True

    def do_CONNECT(self):
        host, port = self.path.rsplit(":", 1)
        if not self.allowed(host.strip("[]")):
            return
        with socket.create_connection((host.strip("[]"), int(port)), 30) as there:
            self.send_response(200)
            self.end_headers()
            ends = {self.connection: there, there: self.connection}
            while True:
                for end in select.select(list(ends), [], [])[0]:
                    data = end.recv(65536)
                    if not data:
                        return
                    ends[end].sendall(data)

    def forward(self):
        url = urlsplit(self.path)
        if not self.allowed(url.hostname):
            return
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        there = http.client.HTTPConnection(url.hostname, url.port or 80, timeout=60)
        headers = {k: v for k, v in self.headers.items() if k.lower() not in HOP_BY_HOP}
        there.request(self.command, f"{url.path or '/'}{'?' + url.query if url.query else ''}", body or None, headers)
        answer = there.getresponse()
        self.send_response_only(answer.status, answer.reason)
        for key, value in answer.getheaders():
            if key.lower() not in HOP_BY_HOP:
                self.send_header(key, value)
        self.end_headers()
        while data := answer.read(1 << 16):
            self.wfile.write(data)
        there.close()

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = forward


class ForwardProxy(ThreadingHTTPServer):
    """Runs as long as the `with` around it."""
    daemon_threads = True

    def __init__(self, address, user, password):
        super().__init__((address, 0), Handler)
        self.seen, self.refused, self.callers = [], [], set()
        self.wanted = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()

    def __enter__(self):
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return super().__enter__()

    def __exit__(self, *args):
        self.shutdown()
        return super().__exit__(*args)
