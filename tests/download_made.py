"""A server on this machine for tests of downloads."""

import contextlib
import http.server
import threading


class Server(http.server.ThreadingHTTPServer):
    """Serves one file with ranges; can break off, change the file, and hide its version."""

    def __init__(self, content: bytes, name: str):
        super().__init__(("127.0.0.1", 0), Handler)
        self.content = content
        self.name = name
        self.etag = '"one"'
        self.breaks = []  # after how many bytes each coming answer breaks off
        self.status = None
        self.ranges = []  # the Range header of each request

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/{self.name}"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        server = self.server
        wanted = self.headers.get("Range")
        server.ranges.append(wanted)
        if server.status is not None:
            self.send_error(server.status)
            return
        start = 0
        if wanted and self.headers.get("If-Range") == server.etag:
            start = int(wanted.removeprefix("bytes=").rstrip("-"))
        total = len(server.content)
        if start >= total:
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{total}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{total - 1}/{total}")
        self.send_header("Content-Length", str(total - start))
        if server.etag:
            self.send_header("ETag", server.etag)
        self.end_headers()
        body = server.content[start:]
        if server.breaks:
            body = body[: server.breaks.pop(0)]
        with contextlib.suppress(ConnectionError):
            self.wfile.write(body)

    def log_message(self, *args):
        """Keeps the tests' output free of requests."""


@contextlib.contextmanager
def serving_file(content: bytes, name: str = "corpus.zip"):
    """A server of one file, for as long as the block lasts."""
    with Server(content, name) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
