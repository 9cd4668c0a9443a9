"""A model hub on this machine: it answers what huggingface_hub asks of the real one."""

import base64
import contextlib
import dataclasses
import hashlib
import http.server
import json
import re
import threading
import time
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

TOKEN = "hf_made"  # of the user "me", who may write under that name alone


@dataclasses.dataclass(frozen=True)
class File:
    """A file of a repository; a large one lies in hf_xet's store, whose hash it then has."""

    content: bytes
    sha256: str = ""
    size: int = 0
    xet: str = ""

    @property
    def etag(self) -> str:
        """The name of the content: git's for a small file."""
        head = b"blob %d\0" % len(self.content)
        return self.sha256 or hashlib.sha1(head + self.content).hexdigest()

    def listed(self, path: str) -> dict:
        """The file in a listing of a tree, and of what belongs to a model."""
        size = self.size or len(self.content)
        seen = {"type": "file", "path": path, "rfilename": path, "size": size, "oid": self.etag}
        if self.xet:
            kept = {"oid": self.sha256, "sha256": self.sha256, "size": size, "pointerSize": 130}
            seen |= {"lfs": kept, "xetHash": self.xet}
        return seen


@dataclasses.dataclass
class Repository:
    """Commits, the branches and tags that name them, and what was said of each."""

    private: bool = False
    gated: bool = False  # what belongs to it is shown to all, its files to few
    commits: dict[str, dict[str, File]] = dataclasses.field(default_factory=dict)
    heads: dict[str, str] = dataclasses.field(default_factory=dict)
    messages: list[str] = dataclasses.field(default_factory=list)

    def add(self, files: dict[str, File], branch: str = "main") -> str:
        """Adds a commit of these files and of those that the branch has; gives its name."""
        files = {**self.commits.get(self.heads.get(branch), {}), **files}
        named = repr((branch, sorted((path, file.etag) for path, file in files.items())))
        commit = hashlib.sha1(named.encode()).hexdigest()
        self.commits[commit] = files
        self.heads[branch] = commit
        return commit


class MadeHub(http.server.ThreadingHTTPServer):
    """Repositories in memory, behind the addresses and headers of the real hub.

    ``asked`` are the requests; ``xet`` is the folder of a store for weights, without which they
    are kept like small files; ``hashes`` are hf_xet's of what is in it, by SHA-256.
    """

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.repositories: dict[str, Repository] = {}
        self.asked: list[str] = []
        self.xet: Path | None = None
        self.hashes: dict[str, str] = {}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def commit(self, name: str, files: dict[str, bytes], branch: str = "main") -> str:
        """Adds a commit of these files to a repository, and gives its name."""
        repository = self.repositories.setdefault(name, Repository())
        return repository.add({path: File(content) for path, content in files.items()}, branch)

    def stop(self) -> None:
        """From now on nobody answers."""
        self.shutdown()
        self.server_close()


class Refusal(Exception):
    """An answer that is an error."""

    def __init__(self, status: int, code: str = "", message: str = ""):
        super().__init__(message)
        self.status, self.code = status, code


class Handler(http.server.BaseHTTPRequestHandler):
    def answer(self):
        address = urlsplit(self.path)
        self.server.asked.append(f"{self.command} {address.path}")
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            for method, pattern, function in ROUTES:
                found = re.fullmatch(pattern, address.path)
                if found and self.command in method.split():
                    asked = {key: unquote(value or "") for key, value in found.groupdict().items()}
                    status, headers, content = function(self, body, **asked)
                    break
            else:
                raise Refusal(404)
        except Refusal as error:
            status, headers = error.status, {"X-Error-Message": str(error)}
            headers |= {"X-Error-Code": error.code} if error.code else {}
            content = json.dumps({"error": str(error)}).encode()
        self.send_response(status)
        for key, value in {"Content-Length": len(content), **headers}.items():
            self.send_header(key, str(value))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_GET = do_HEAD = do_POST = answer

    @property
    def is_me(self) -> bool:
        return self.headers.get("Authorization") == f"Bearer {TOKEN}"

    @property
    def query(self) -> dict[str, list[str]]:
        return parse_qs(urlsplit(self.path).query)

    def repository(self, name: str) -> Repository:
        """A repository that may be read: others' private ones are as if they were not."""
        found = self.server.repositories.get(name)
        if found is None or (found.private and not self.is_me):
            if self.is_me:
                raise Refusal(404, "RepoNotFound", "Repository not found")
            # The real one leaves the code away: the library knows the case by https://.
            raise Refusal(401, "RepoNotFound", "Invalid username or password.")
        return found

    def writable(self, name: str) -> Repository:
        self.check_may_write(name)
        return self.repository(name)

    def check_may_write(self, name: str) -> None:
        if not self.is_me:
            raise Refusal(401, message="Invalid username or password.")
        if not name.startswith("me/"):
            raise Refusal(403, message=f"You don't have the rights to write to {name}")

    def at(self, name: str, revision: str) -> tuple[str, dict[str, File]]:
        """A commit and its files."""
        repository = self.repository(name)
        commit = repository.heads.get(revision or "main", revision)
        if commit not in repository.commits:
            raise Refusal(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        return commit, repository.commits[commit]

    def log_message(self, *args):
        """Keeps the tests' output free of requests."""


def as_json(value) -> tuple[int, dict, bytes]:
    return 200, {"Content-Type": "application/json"}, json.dumps(value).encode()


def info(handler, body, name, revision=""):
    commit, files = handler.at(name, revision)
    siblings = [file.listed(path) for path, file in files.items()]
    if "blobs" not in handler.query:
        siblings = [{"rfilename": each["rfilename"]} for each in siblings]
    return as_json({"id": name, "modelId": name, "sha": commit, "siblings": siblings})


def tree(handler, body, name, revision):
    _, files = handler.at(name, revision)
    return as_json([file.listed(path) for path, file in files.items()])


def resolve(handler, body, name, revision, path):
    commit, files = handler.at(name, revision)
    if path not in files:
        raise Refusal(404, "EntryNotFound", "Entry not found")
    if handler.repository(name).gated:
        raise Refusal(403, "GatedRepo", f"Access to model {name} is restricted")
    file = files[path]
    return 200, {"X-Repo-Commit": commit, "ETag": f'"{file.etag}"'}, file.content


def create(handler, body):
    asked = json.loads(body)
    name = f"{asked['organization']}/{asked['name']}"
    handler.check_may_write(name)
    if name in handler.server.repositories:
        url = f"{handler.server.url}/{name}"
        content = json.dumps({"error": "You already created this model repo", "url": url})
        return 409, {}, content.encode()
    made = Repository(private=asked.get("visibility") == "private" or asked.get("private") is True)
    handler.server.repositories[name] = made
    made.add({".gitattributes": File(b"*.h5 filter=lfs diff=lfs merge=lfs -text\n")})
    return as_json({"url": f"{handler.server.url}/{name}"})


def validate(handler, body):
    return as_json({"errors": [], "warnings": []})


def preupload(handler, body, name, revision):
    handler.writable(name)
    _, files = handler.at(name, revision)
    answers = []
    for path in (file["path"] for file in json.loads(body)["files"]):
        large = handler.server.xet is not None and path.endswith(".h5")
        known = {"oid": files[path].etag} if path in files else {}
        mode = {"path": path, "uploadMode": "lfs" if large else "regular", "shouldIgnore": False}
        answers.append(mode | known)
    return as_json({"files": answers})


def xet_token(handler, body, name):
    handler.repository(name)
    address, end = f"local://{handler.server.xet}", int(time.time()) + 3600
    headers = {
        "X-Xet-Cas-Url": address,
        "X-Xet-Access-Token": "made",
        "X-Xet-Token-Expiration": end,
    }
    content = json.dumps({"casUrl": address, "accessToken": "made", "exp": end}).encode()
    return 200, headers, content


def commit(handler, body, name, revision):
    repository = handler.writable(name)
    files = {}
    for line in map(json.loads, body.splitlines()):
        key, value = line["key"], line["value"]
        if key == "header":
            repository.messages.append(value["summary"])
        elif key == "file":
            files[value["path"]] = File(base64.b64decode(value["content"]))
        else:
            sha256 = value["oid"]
            xet = handler.server.hashes[sha256]
            files[value["path"]] = File(b"", sha256, value["size"], xet)
    made = repository.add(files, revision)
    url = f"{handler.server.url}/{name}/commit/{made}"
    return as_json({"commitUrl": url, "commitOid": made})


NAME = r"(?P<name>[\w.-]+/[\w.-]+)"
REVISION = r"(?P<revision>[\w.%-]+)"
ROUTES = (
    ("GET", rf"/api/models/{NAME}(/revision/{REVISION})?", info),
    ("GET", rf"/api/models/{NAME}/tree/{REVISION}", tree),
    ("GET HEAD", rf"/{NAME}/resolve/{REVISION}/(?P<path>.+)", resolve),
    ("POST", "/api/repos/create", create),
    ("POST", "/api/validate-yaml", validate),
    ("POST", rf"/api/models/{NAME}/preupload/{REVISION}", preupload),
    ("GET", rf"/api/models/{NAME}/xet-(?:read|write)-token/.+", xet_token),
    ("POST", rf"/api/models/{NAME}/commit/{REVISION}", commit),
)


@contextlib.contextmanager
def serving_hub():
    """A hub without repositories, for as long as the block lasts."""
    with MadeHub() as hub:
        threading.Thread(target=hub.serve_forever, args=(0.01,), daemon=True).start()
        yield hub
        hub.shutdown()
