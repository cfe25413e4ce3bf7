"""Drive a headless Chromium through its debugging pipe; nothing but the standard library is needed.

Chromium speaks JSON, each message ended by a zero byte, on the file descriptors 3 and 4 (the DevTools
protocol); see https://chromedevtools.github.io/devtools-protocol/.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


# Puts the pipes where Chromium looks for them, by way of numbers that are neither, and becomes Chromium.
_LAUNCHER = """
import fcntl, os, sys
read, write = (fcntl.fcntl(int(number), fcntl.F_DUPFD, 10) for number in sys.argv[1:3])
os.dup2(read, 3)
os.dup2(write, 4)
os.execv(sys.argv[3], sys.argv[3:])
"""


PATIENCE = 300.0
"""Seconds after which a browser is given up: only one that hangs takes them, on a busy machine too."""


class BrowserError(RuntimeError):
    """The browser refused a command, or did not answer in time."""


class PageLeftError(BrowserError):
    """The page was left for another one before it could answer."""


class Browser:
    """One tab of a headless Chromium; use as a context manager.

    Attributes
    ----------
    errors : list of str
        Console errors, exceptions and failed loads since the last `open`.
    requests : list of str
        Addresses that were asked for since the last `open`.
    """

    def __init__(self) -> None:
        self.errors: list[str] = []
        self.requests: list[str] = []
        self._buffer = b""
        self._number = 0
        self._session = ""

    def __enter__(self) -> Browser:
        assert CHROMIUM is not None
        self._profile = tempfile.mkdtemp(prefix="geomdl-browser-")
        to_child, self._out = os.pipe()
        self._in, from_child = os.pipe()
        command = [
            CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
            "--hide-scrollbars", "--no-first-run", f"--user-data-dir={self._profile}",
            "--remote-debugging-pipe", "about:blank",
        ]  # fmt: skip
        self._child = subprocess.Popen(
            [sys.executable, "-c", _LAUNCHER, str(to_child), str(from_child), *command],
            pass_fds=(to_child, from_child),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        os.close(to_child)
        os.close(from_child)
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._session = ""
            self.call("Browser.close")
            self._child.wait(10)
        except (BrowserError, OSError, subprocess.TimeoutExpired):
            self._child.kill()
            self._child.wait()
        os.close(self._out)
        os.close(self._in)
        shutil.rmtree(self._profile, ignore_errors=True)

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send a command and return its result."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        end = time.monotonic() + PATIENCE
        while True:
            answer = self._next(end)
            if answer.get("id") == self._number:
                if "error" in answer:
                    kind = PageLeftError if method == "Runtime.evaluate" else BrowserError
                    raise kind(f"{method}: {answer['error']['message']}")
                result: dict[str, Any] = answer["result"]
                return result
            self._note(answer)

    def _next(self, end: float) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._in], [], [], max(end - time.monotonic(), 0))
            if not ready:
                raise BrowserError(f"no answer within {PATIENCE:g} seconds")
            read = os.read(self._in, 1 << 20)
            if not read:
                raise BrowserError("Chromium has ended")
            self._buffer += read
        line, _, self._buffer = self._buffer.partition(b"\0")
        message: dict[str, Any] = json.loads(line)
        return message

    def _note(self, event: dict[str, Any]) -> None:
        method, said = event.get("method", ""), event.get("params", {})
        if method == "Network.requestWillBeSent":
            self.requests.append(said["request"]["url"])
        elif method == "Runtime.exceptionThrown":
            details = said["exceptionDetails"]
            self.errors.append(details.get("exception", {}).get("description") or details["text"])
        elif method == "Log.entryAdded" and said["entry"]["level"] == "error":
            self.errors.append(f"{said['entry']['text']} {said['entry'].get('url', '')}")
        elif method == "Runtime.consoleAPICalled" and said["type"] in ("error", "assert"):
            self.errors.append(json.dumps(said["args"]))

    def open(self, address: Path | str) -> None:
        """Open a page, a path with or without query and fragment, and wait until it has loaded."""
        url = address.as_uri() if isinstance(address, Path) else address
        self.call("Page.navigate", url="about:blank")  # so that another fragment is another load
        self.wait("location.href === 'about:blank'")
        self.errors.clear()
        self.requests.clear()
        self.call("Page.navigate", url=url)
        self.wait(f"location.href.startsWith({json.dumps(url.partition('#')[0])})")

    def wait(self, condition: str) -> None:
        """Wait until the page has loaded and a JavaScript expression is true of it."""
        end = time.monotonic() + PATIENCE
        while not self._holds(condition):
            if time.monotonic() > end:
                raise BrowserError(f"not within {PATIENCE:g} seconds: {condition}")
            time.sleep(0.02)
        self.evaluate("document.fonts.ready.then(() => 0)")

    def _holds(self, condition: str) -> bool:
        # A click that leads to another page may take effect in the middle of the question.
        with suppress(PageLeftError):
            return bool(self.evaluate(f"document.readyState === 'complete' && Boolean({condition})"))
        return False

    def evaluate(self, expression: str) -> Any:
        """Return the value of a JavaScript expression, awaited if it is a promise."""
        answer = self.call(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in answer:
            raise BrowserError(f"{expression}: {answer['exceptionDetails']['exception']['description']}")
        return answer["result"].get("value")

    def click(self, selector: str) -> None:
        """Click at the middle of the first element of a selector, scrolled into view."""
        place = self.evaluate(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)});"
            "e.scrollIntoView({block: 'center', inline: 'center', behavior: 'instant'});"
            "const r = e.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self.call(
                "Input.dispatchMouseEvent",
                type=kind,
                x=place[0],
                y=place[1],
                button="left",
                clickCount=1,
            )

    def type(self, text: str) -> None:
        """Type into the element that has the focus."""
        self.call("Input.insertText", text=text)

    def press(self, key: str) -> None:
        """Press a key: a character, or a name such as "Tab"."""
        said = {"key": key, **({"text": key} if len(key) == 1 else {})}
        if key == "Tab":
            said |= {"code": "Tab", "windowsVirtualKeyCode": 9}  # type: ignore[dict-item]
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, **said)

    def size(self, width: int, height: int, phone: bool = False) -> None:
        """Set the size of the window in CSS pixels."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=phone,
        )

    def media(self, scheme: str = "light", medium: str = "screen") -> None:
        """Set colour scheme ("light", "dark") and medium ("screen", "print")."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.call("Emulation.setEmulatedMedia", media=medium, features=features)
