"""A registry that asks for a login, before the one of the bed."""
import base64
import shutil
import threading
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Registry:
    """Passes on what comes with the right login, and counts what comes without."""

    def __init__(self, behind, address):
        self.behind, self.password, self.served, self.refused = behind, "first", 0, 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                pair = f"robot:{outer.password}".encode()
                if self.headers.get("Authorization") != f"Basic {base64.b64encode(pair).decode()}":
                    outer.refused += 1
                    self.send_response(401)
                    self.send_header("WWW-Authenticate", 'Basic realm="test"')
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                outer.served += 1
                headers = {"Accept": self.headers["Accept"]} if self.headers.get("Accept") else {}
                request = urllib.request.Request(outer.behind + self.path, headers=headers, method=self.command)
                try:
                    answer = urllib.request.urlopen(request, timeout=60)
                except urllib.error.HTTPError as error:
                    answer = error
                with answer:
                    self.send_response(answer.status)
                    for name in ("Content-Type", "Content-Length", "Docker-Content-Digest"):
                        if answer.headers.get(name):
                            self.send_header(name, answer.headers[name])
                    self.end_headers()
                    shutil.copyfileobj(answer, self.wfile)

            do_HEAD = do_GET

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer((address, 0), Handler)
        self.url = f"http://{address}:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
