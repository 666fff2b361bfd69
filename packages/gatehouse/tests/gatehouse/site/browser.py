"""Headless Chromium, driven by the Chrome DevTools Protocol over loopback.

https://chromedevtools.github.io/devtools-protocol/
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

PROGRAM = shutil.which("chromium")
_PATIENCE = 60.0
"""Seconds for one answer: a shared machine may be slow."""


class Browser:
    """One tab."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._number = 0
        self.events: list[dict[str, Any]] = []

    def call(self, method: str, **parameters: Any) -> Any:
        """The answer to one command; events that come meanwhile are kept."""
        self._number += 1
        self._socket.send(json.dumps({"id": self._number, "method": method, "params": parameters}))
        while True:
            message = self._next()
            if message.get("id") == self._number:
                assert "error" not in message, message
                return message["result"]

    def _next(self) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(self._socket.recv(timeout=_PATIENCE))
        if "method" in message:
            self.events.append(message)
        return message

    def open(self, page: Path | str, *, dark: bool = False, width: int = 1200) -> None:
        """Load a file or a URL; `events` are those of this page from then on."""
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.call("Emulation.setDeviceMetricsOverride",
                  width=width, height=900, deviceScaleFactor=1, mobile=False)  # fmt: skip
        self.events = []
        self.call("Page.navigate", url=page.as_uri() if isinstance(page, Path) else page)
        while not any(event["method"] == "Page.loadEventFired" for event in self.events):
            self._next()

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression, a promise's included."""
        answer = self.call(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def press(self, key: str, *, shift: bool = False) -> None:
        codes = {"Tab": 9, "Enter": 13}
        told = {"key": key, "code": key, "windowsVirtualKeyCode": codes[key],
                "modifiers": 8 if shift else 0}  # fmt: skip
        text = {"text": "\r"} if key == "Enter" else {}
        self.call("Input.dispatchKeyEvent", type="keyDown", **told, **text)
        self.call("Input.dispatchKeyEvent", type="keyUp", **told)

    def picture(self, path: Path) -> bytes:
        """A PNG of the page, or of its first 8000 pixels; also stored at `path`."""
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "scale": 1, "width": size["width"],
                "height": min(size["height"], 8000)}  # fmt: skip
        answer = self.call("Page.captureScreenshot", clip=clip, captureBeyondViewport=True)
        content = base64.b64decode(answer["data"])
        path.write_bytes(content)
        return content

    def requests(self) -> list[str]:
        """What the page asked for since it was opened, itself included."""
        return [
            event["params"]["request"]["url"]
            for event in self.events
            if event["method"] == "Network.requestWillBeSent"
        ]

    def refused(self) -> int:
        """How many of these the page's policy refused before they left."""
        failed = [e["params"] for e in self.events if e["method"] == "Network.loadingFailed"]
        return sum(each.get("blockedReason") == "csp" for each in failed)

    def problems(self) -> list[str]:
        """What the page's policy refused, and errors of its scripts."""
        entries = [e["params"]["entry"] for e in self.events if e["method"] == "Log.entryAdded"]
        thrown = [e for e in self.events if e["method"] == "Runtime.exceptionThrown"]
        return [entry["text"] for entry in entries] + [json.dumps(each) for each in thrown]


@contextmanager
def chromium(profile: Path) -> Iterator[Browser]:
    """A browser of its own, ended at the end; it has no way to the network but loopback."""
    assert PROGRAM is not None
    flags = [
        "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
        "--disable-sync", "--disable-background-networking", "--disable-component-update",
        "--disable-extensions", "--hide-scrollbars", "--remote-debugging-port=0",
        "--proxy-server=127.0.0.1:9", f"--user-data-dir={profile}", "about:blank",
    ]  # fmt: skip
    log = profile.with_suffix(".log")
    with log.open("wb") as output:
        process = subprocess.Popen(
            [PROGRAM, *flags], stdout=output, stderr=output, env=os.environ | {"NO_PROXY": "*"}
        )
    try:
        address = _address(process, profile / "DevToolsActivePort", log)
        with connect(address, max_size=None, proxy=None, open_timeout=_PATIENCE) as whole:
            tab = Browser(whole)
            target = tab.call("Target.getTargets")["targetInfos"]
            page = next(each["targetId"] for each in target if each["type"] == "page")
        place = address.partition("/devtools/")[0] + f"/devtools/page/{page}"
        with connect(place, max_size=None, proxy=None, open_timeout=_PATIENCE) as socket:
            browser = Browser(socket)
            for domain in ("Page", "Network", "Log", "Runtime"):
                browser.call(f"{domain}.enable")
            yield browser
    finally:
        process.terminate()
        process.wait(_PATIENCE)


def _address(process: subprocess.Popen[bytes], file: Path, log: Path) -> str:
    """Where the browser listens, once it does."""
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        assert process.poll() is None, log.read_text(errors="replace")
        lines = file.read_text().splitlines() if file.exists() else []
        if len(lines) == 2:
            return f"ws://127.0.0.1:{lines[0]}{lines[1]}"
        time.sleep(0.05)
    raise AssertionError(f"Chromium did not start: {log.read_text(errors='replace')}")
