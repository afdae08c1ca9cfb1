"""Files on their way into Slack: an address is asked for, the bytes are sent there, then the file is shared."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from deployments.lab.inbox import File

PATH = "/upload/v1"


class Uploads:
    """The files that were asked for; those whose bytes have come whole can be shared, once."""

    def __init__(self, root: str) -> None:
        """Hand out addresses below `root`, where the lab's Slack answers."""
        self._root = root
        self._lengths: dict[str, int] = {}
        self._files: dict[str, File] = {}

    def forget(self) -> None:
        """Start afresh."""
        self._lengths.clear()
        self._files.clear()

    def ask(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Answer files.getUploadURLExternal."""
        identity = f"F0LAB{len(self._lengths) + 1:05}"
        self._lengths[identity] = int(arguments["length"])
        self._files[identity] = File(
            id=identity, name=arguments["filename"], title="", description=arguments.get("alt_txt", ""), body=b""
        )
        return {"ok": True, "upload_url": f"{self._root}{PATH}/{identity}", "file_id": identity}

    def receive(self, identity: str, body: bytes) -> bool:
        """Take a file's bytes; tell whether it was asked for with this length."""
        if self._lengths.get(identity) != len(body):
            return False
        self._files[identity] = replace(self._files[identity], body=body)
        return True

    def share(self, files: str) -> tuple[File, ...]:
        """Return the files that files.completeUploadExternal names (JSON); none when one of them has not come."""
        named = {part["id"]: part.get("title", "") for part in json.loads(files)}
        if not all(identity in self._files and self._files[identity].body for identity in named):
            return ()
        return tuple(replace(self._files.pop(identity), title=title) for identity, title in named.items())
