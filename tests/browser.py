"""A headless Chromium to open pages in, spoken to over two pipes in the DevTools protocol: no port, no package.

Everything waits for an event or an answer, nothing sleeps.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import selectors
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PATIENCE = 60.0
"""Seconds for an answer; a browser that takes longer is stuck."""

_READS, _WRITES = 3, 4
"""The file descriptors at which a browser expects its pipes."""

_FLAGS = (
    "--headless",
    "--remote-debugging-pipe",
    "--autoplay-policy=no-user-gesture-required",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-extensions",
    "--hide-scrollbars",
    "--mute-audio",
    "--no-first-run",
    "--no-default-browser-check",
)


def find_chromium() -> str:
    """The browser's command; the test is skipped where there is none."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.skip(f"no browser: none of {', '.join(NAMES)} is installed")
    return found


def _above(pipe: int) -> int:
    """The same end of a pipe at a number that is not one of the browser's; the old one is closed."""
    higher = fcntl.fcntl(pipe, fcntl.F_DUPFD_CLOEXEC, 10)
    os.close(pipe)
    return higher


class Browser:
    """One process for many pages; close it."""

    def __init__(self, command: str, profile: Path) -> None:
        to_browser, self._commands = os.pipe()
        self._answers, from_browser = os.pipe()
        flags = [*_FLAGS, f"--user-data-dir={profile}", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
        ends = _above(to_browser), _above(from_browser)
        self._process = os.posix_spawn(
            command,
            [command, *flags, "about:blank"],
            os.environ,
            file_actions=[
                *((os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_RDWR, 0) for number in range(3)),
                (os.POSIX_SPAWN_DUP2, ends[0], _READS),
                (os.POSIX_SPAWN_DUP2, ends[1], _WRITES),
            ],
        )
        for end in ends:
            os.close(end)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._answers, selectors.EVENT_READ)
        self._buffer = b""
        self._number = 0
        self.pages: dict[str, Page] = {}

    def call(self, method: str, session: str | None = None, **parameters: Any) -> Any:
        """The result of a command; events that come before it go to their pages."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        os.write(self._commands, json.dumps(message | ({"sessionId": session} if session else {})).encode() + b"\0")
        answer = self.wait(lambda message: message.get("id") == self._number)
        if "error" in answer:
            raise AssertionError(f"{method}: {answer['error']['message']}")
        return answer["result"]

    def wait(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The first message that is wanted."""
        deadline = time.monotonic() + PATIENCE
        while True:
            while b"\0" not in self._buffer:
                if not self._selector.select(deadline - time.monotonic()):
                    raise TimeoutError(f"the browser did not answer in {PATIENCE:g} s")
                if not (data := os.read(self._answers, 1 << 20)):
                    raise EOFError("the browser has ended")
                self._buffer += data
            raw, _, self._buffer = self._buffer.partition(b"\0")
            message = json.loads(raw)
            if page := self.pages.get(message.get("sessionId", "")):
                page.hear(message)
            if wanted(message):
                return dict(message)

    @contextmanager
    def open(self, path: Path, *, width: int = 1200, height: int = 900, dark: bool = False) -> Iterator[Page]:
        """A file as a page of its own, loaded, in a window of this size."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = self.pages[session] = Page(self, session)
        try:
            for domain in ("Page", "Runtime", "Log", "Network"):
                page.call(f"{domain}.enable")
            page.look(width, height, dark=dark)
            failure = page.call("Page.navigate", url=path.resolve().as_uri()).get("errorText")
            assert failure is None, f"{path}: {failure}"
            if not page.loaded:
                self.wait(lambda message: page.loaded)
            yield page
        finally:
            del self.pages[session]
            self.call("Target.closeTarget", targetId=target)

    def close(self) -> None:
        try:
            self.call("Browser.close")
            self.wait(lambda message: False)
        except EOFError:
            pass
        except TimeoutError:
            os.kill(self._process, signal.SIGKILL)
        os.waitpid(self._process, 0)
        self._selector.close()
        os.close(self._commands)
        os.close(self._answers)


class Page:
    """One page: what it said, what it asked for, and how to look at it and use it."""

    def __init__(self, browser: Browser, session: str) -> None:
        self._browser, self._session = browser, session
        self.loaded = False
        self.complaints: list[str] = []
        """Errors and warnings of scripts, the console and the browser, breaches of the page's policy among them."""
        self.requests: list[str] = []
        """URLs, but for data: and the page itself."""

    def hear(self, message: dict[str, Any]) -> None:
        said = message.get("params", {})
        match message.get("method"):
            case "Page.loadEventFired":
                self.loaded = True
            case "Runtime.exceptionThrown":
                details = said["exceptionDetails"]
                self.complaints.append(details.get("exception", {}).get("description") or details["text"])
            case "Runtime.consoleAPICalled" if said["type"] in ("error", "warning", "assert"):
                self.complaints.append(" ".join(str(value.get("value")) for value in said["args"]))
            case "Log.entryAdded" if said["entry"]["level"] in ("error", "warning"):
                self.complaints.append(said["entry"]["text"])
            case "Network.requestWillBeSent" if not said["request"]["url"].startswith("data:"):
                if said["type"] != "Document":
                    self.requests.append(said["request"]["url"])

    def call(self, method: str, **parameters: Any) -> Any:
        return self._browser.call(method, self._session, **parameters)

    def run(self, expression: str) -> Any:
        """The value of a JavaScript expression, or of the promise that it is; AssertionError where it throws."""
        answer = self.call(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True, userGesture=True
        )
        if "exceptionDetails" in answer:
            raise AssertionError(answer["exceptionDetails"].get("exception", {}).get("description"))
        return answer["result"].get("value")

    def look(self, width: int, height: int = 900, *, dark: bool = False, media: str = "") -> None:
        """Another window, colour scheme or medium (`print`)."""
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", media=media, features=[scheme])

    def click(self, x: float, y: float) -> None:
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def press(self, key: str, *, shift: bool = False) -> None:
        """A key by its name in `KeyboardEvent.key`."""
        code = {" ": 32, "Tab": 9, "PageUp": 33, "PageDown": 34, "End": 35, "Home": 36}
        code |= {"ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40}
        said = {"key": key, "code": key, "windowsVirtualKeyCode": code[key], "modifiers": 8 * shift}
        self.call("Input.dispatchKeyEvent", type="rawKeyDown", **said)
        self.call("Input.dispatchKeyEvent", type="keyUp", **said)

    def faint(self, least: float = 4.5) -> list[str]:
        """Texts that stand out from what is behind them by less than WCAG's contrast of AA, with their contrast."""
        found: list[str] = self.run(f"({_FAINT})({least})")
        return found

    @property
    def overflow(self) -> int:
        """Pixels by which the page is wider than the window."""
        return int(self.run("document.documentElement.scrollWidth - document.documentElement.clientWidth"))

    def screenshot(self, path: Path, *, whole: bool = False) -> Path:
        shot = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(shot["data"]))
        return path

    def pdf(self) -> bytes:
        """The page as it is printed, on A4."""
        printed = self.call("Page.printToPDF", printBackground=True, paperWidth=8.27, paperHeight=11.69)
        return base64.b64decode(printed["data"])


_FAINT = """(least) => {
  const channels = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const light = (colour) => {
    const linear = (c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    const [r, g, b] = channels(colour).map((c) => linear(c / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const shape = at.namespaceURI.endsWith("svg") && at.querySelector(":scope > rect");
      if (shape && at.classList.contains("span")) return getComputedStyle(shape).fill;
      const colour = getComputedStyle(at).backgroundColor;
      if ((channels(colour)[3] ?? 1) > 0) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  const own = (element) => [...element.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
  const shown = (element) => element.checkVisibility() && !element.closest("title, script, style, head");
  const faint = [];
  for (const element of document.querySelectorAll("body *")) {
    if (!own(element) || !shown(element)) continue;
    const style = getComputedStyle(element);
    const [a, b] = [element.namespaceURI.endsWith("svg") ? style.fill : style.color, behind(element)].map(light);
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (contrast < least) faint.push(`${element.localName}.${element.getAttribute("class")}: ${contrast.toFixed(2)}`);
  }
  return [...new Set(faint)];
}"""
"""Colours are taken to be opaque and in sRGB."""
