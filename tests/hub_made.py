"""A model hub in a folder, behind the names and signatures of huggingface_hub."""

import dataclasses
import fnmatch
import hashlib
import os
import shutil
import types
from pathlib import Path


class HubError(Exception):
    """What the library raises of the hub's answers."""


@dataclasses.dataclass
class Sibling:
    """A file of a repository, as ``RepoSibling``."""

    rfilename: str
    size: int | None = None


@dataclasses.dataclass
class Info:
    """A repository at one commit, as ``ModelInfo``."""

    id: str
    sha: str
    siblings: list


class CommitInfo(str):
    """The address of a commit, as ``CommitInfo``."""

    oid: str


class MadeHub:
    """Repositories of folders, one folder a commit; stands in for the module huggingface_hub.

    Args:
        root: where the repositories lie.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.heads: dict[str, dict[str, str]] = {}  # commit by branch or tag, by repository
        self.private: dict[str, bool | None] = {}
        self.calls: list[str] = []
        self.reachable = True
        self.messages: list[str] = []

    def module(self) -> types.ModuleType:
        """What ``import huggingface_hub`` gives."""
        module = types.ModuleType("huggingface_hub")
        module.snapshot_download = self.snapshot_download
        module.HfApi = lambda library_name=None: self
        return module

    def commit(self, repo_id: str, files: dict[str, bytes], branch: str = "main") -> str:
        """Adds a commit of these files, and gives its name."""
        repository = self.heads.setdefault(repo_id, {})
        before = self.root / repo_id / repository.get(branch, "none")
        old = {p.name: p.read_bytes() for p in before.glob("*")} if before.is_dir() else {}
        digest = hashlib.sha1(repr((sorted({**old, **files}.items()), branch)).encode())
        commit = digest.hexdigest()
        for name, content in {**old, **files}.items():
            path = self.root / repo_id / commit / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        repository[branch] = commit
        return commit

    def model_info(self, repo_id, *, revision=None, files_metadata=False) -> Info:
        self._call("model_info")
        if repo_id not in self.heads:
            raise HubError(f"404 Client Error.\n\nRepository Not Found for url: {repo_id}.")
        commits = self.heads[repo_id]
        commit = commits.get(revision or "main", revision)
        folder = self.root / repo_id / commit
        if not folder.is_dir():
            raise HubError(f"404 Client Error.\n\nRevision Not Found: {revision}.")
        files = [path for path in folder.rglob("*") if path.is_file()]
        siblings = [
            Sibling(str(path.relative_to(folder)), path.stat().st_size if files_metadata else None)
            for path in files
        ]
        return Info(repo_id, commit, siblings)

    def snapshot_download(
        self,
        repo_id,
        *,
        revision=None,
        cache_dir=None,
        allow_patterns=None,
        library_name=None,
        local_files_only=False,
    ) -> str:
        place = Path(cache_dir) / f"models--{repo_id.replace('/', '--')}" / "snapshots" / revision
        if local_files_only:
            if not place.is_dir():
                raise HubError("Cannot find an appropriate cached snapshot folder")
            return str(place)
        self._call("snapshot_download")
        place.mkdir(parents=True, exist_ok=True)
        source = self.root / repo_id / revision
        for path in source.rglob("*"):
            name = str(path.relative_to(source))
            if (place / name).exists():
                continue
            if path.is_file() and any(fnmatch.fnmatch(name, p) for p in allow_patterns or ["*"]):
                blob = place.parents[1] / "blobs" / hashlib.sha256(path.read_bytes()).hexdigest()
                blob.parent.mkdir(exist_ok=True)
                shutil.copy(path, blob)
                (place / name).parent.mkdir(exist_ok=True)
                os.symlink(os.path.relpath(blob, place), place / name)
        return str(place)

    def create_repo(self, repo_id, *, private=None, repo_type=None, exist_ok=False) -> str:
        self._call("create_repo")
        assert exist_ok or repo_id not in self.heads
        self.private.setdefault(repo_id, private)
        self.heads.setdefault(repo_id, {})
        return f"https://hub.invalid/{repo_id}"

    def upload_folder(
        self, *, repo_id, folder_path, repo_type=None, allow_patterns=None, commit_message=None
    ) -> CommitInfo:
        self._call("upload_folder")
        files = {
            path.name: path.read_bytes()
            for path in Path(folder_path).iterdir()
            if any(fnmatch.fnmatch(path.name, pattern) for pattern in allow_patterns or ["*"])
        }
        self.messages.append(commit_message)
        commit = self.commit(repo_id, files)
        info = CommitInfo(f"https://hub.invalid/{repo_id}/commit/{commit}")
        info.oid = commit
        return info

    def _call(self, name: str) -> None:
        if not self.reachable:
            raise OSError("the hub is not reached")
        self.calls.append(name)
