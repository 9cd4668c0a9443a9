"""A headless Chromium, driven over the pipe of its DevTools protocol; no library is needed."""

import base64
import contextlib
import json
import os
import select
import shutil
import subprocess
import tempfile
import time

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
#: Nothing leaves the machine, and a made sound comes from the microphone.
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--mute-audio",
    "--force-prefers-reduced-motion",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    "--remote-debugging-pipe",
)
PATIENCE = 20.0  # seconds


class Browser:
    """One page of the browser."""

    def __init__(self, requests, answers):
        self.requests, self.answers, self.buffer = requests, answers, b""
        self.number, self.events, self.session = 0, [], None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self.session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Network", "DOM", "Accessibility", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method, **parameters):
        """Calls a method of the protocol and waits for its result."""
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.requests, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.receive()
            if answer.get("id") == self.number:
                assert "error" not in answer, f"{method}: {answer['error']['message']}"
                return answer["result"]
            self.events.append(answer)

    def receive(self):
        while b"\0" not in self.buffer:
            readable, _, _ = select.select([self.answers], [], [], PATIENCE)
            assert readable, "the browser says nothing"
            part = os.read(self.answers, 1 << 20)
            assert part, "the browser ended"
            self.buffer += part
        message, _, self.buffer = self.buffer.partition(b"\0")
        return json.loads(message)

    def open(self, url):
        # The call comes back while the last page still shows, which may have the same address.
        self.evaluate("window.isLeft = true")
        self.call("Page.navigate", url=url)
        self.wait(
            "!window.isLeft && document.readyState == 'complete' "
            f"&& location.href.startsWith({url!r})"
        )

    def evaluate(self, script):
        """The value of a JavaScript expression in the page."""
        result = self.call(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    def wait(self, script):
        """Waits until a JavaScript expression holds."""
        end = time.monotonic() + PATIENCE
        while not self.evaluate(script):
            assert time.monotonic() < end, f"{script} never held; the page shows:\n{self.text()}"
            time.sleep(0.02)

    def text(self, selector="body"):
        return self.evaluate(f"document.querySelector({selector!r}).innerText")

    def choose(self, path, selector="input[type=file]"):
        """Chooses a file as a person does in the dialogue."""
        root = self.call("DOM.getDocument")["root"]["nodeId"]
        node = self.call("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self.call("DOM.setFileInputFiles", nodeId=node, files=[str(path)])

    def press(self, key, code=0, text=""):
        """Presses and releases a key."""
        named = {"key": key, "windowsVirtualKeyCode": code}
        typed = {"text": text} if text else {}
        self.call("Input.dispatchKeyEvent", type="keyDown", **named, **typed)
        self.call("Input.dispatchKeyEvent", type="keyUp", **named)

    def accessible(self, role):
        """The names of what a screen reader meets in this role, in the page's order."""
        nodes = self.call("Accessibility.getFullAXTree")["nodes"]
        return [
            node.get("name", {}).get("value", "")
            for node in nodes
            if not node["ignored"] and node["role"]["value"] == role
        ]

    def show(self, width, height=900, scheme="light"):
        """Makes the window as large, and the colours those of a scheme."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 500,
        )
        scheme = [{"name": "prefers-color-scheme", "value": scheme}]
        self.call("Emulation.setEmulatedMedia", features=scheme)

    def screenshot(self, path):
        data = self.call("Page.captureScreenshot", captureBeyondViewport=True)["data"]
        path.write_bytes(base64.b64decode(data))
        return path

    def complaints(self):
        """What went wrong in the page: errors, refused resources."""
        self.evaluate("0")  # what was sent before has come then
        wrong = []
        for event in self.events:
            parameters = event.get("params", {})
            if event.get("method") == "Runtime.exceptionThrown":
                wrong.append(parameters["exceptionDetails"]["text"])
            if event.get("method") == "Log.entryAdded" and parameters["entry"]["level"] == "error":
                wrong.append(parameters["entry"]["text"])
        return wrong

    def requested(self):
        """The addresses of everything that the page asked for."""
        self.evaluate("0")
        sent = [e for e in self.events if e.get("method") == "Network.requestWillBeSent"]
        return [event["params"]["request"]["url"] for event in sent]


@contextlib.contextmanager
def browsing():
    """A browser with one empty page; the test is skipped where none is installed."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.skip("needs a browser: install Debian's package chromium, or Google Chrome")
    for_browser, requests = os.pipe()
    answers, from_browser = os.pipe()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        # The browser reads from its file descriptor 3 and writes to 4; bash, for dash knows no
        # descriptor of two digits.
        script = f'exec "$@" 3<&{for_browser} 4>&{from_browser}'
        command = [
            "bash",
            "-c",
            script,
            "bash",
            found,
            *FLAGS,
            f"--user-data-dir={profile}",
        ]
        process = subprocess.Popen(
            command,
            pass_fds=(for_browser, from_browser),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        os.close(for_browser)
        os.close(from_browser)
        try:
            yield Browser(requests, answers)
        finally:
            os.close(requests)  # the browser ends when its pipe does
            os.close(answers)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
