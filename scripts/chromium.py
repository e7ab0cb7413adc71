"""A real Chromium, and the programs it looks at: what the browser scripts share. Nothing beyond Python's own library."""

import base64
import contextlib
import fcntl
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time
import urllib.request

PATIENCE = 30
PICTURES = pathlib.Path("target/browser")


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def until(what, ask):
    """What `ask` gives, once it gives something."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            if (found := ask()) is not None:
                return found
        time.sleep(0.05)
    raise SystemExit(f"waited {PATIENCE} s for {what}")


def get(url, key=None):
    request = urllib.request.Request(url)
    if key:
        request.add_header("Authorization", f"Bearer {key}")
    with urllib.request.urlopen(request, timeout=5) as answer:
        return answer.read()


@contextlib.contextmanager
def running(command, **options):
    process = subprocess.Popen(command, **options)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def chromium():
    """The browser's program; ends the script where there is none."""
    names = ["chromium", "chromium-browser", "google-chrome"]
    program = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    if program is None:
        raise SystemExit("NOT RUN: there is no Chromium here; install one, or name it in CHROMIUM")
    return program


class Browser:
    """Chromium by its debugging protocol, over a pipe (chromedevtools.github.io/devtools-protocol)."""

    def __init__(self, program, folder, scripts=False):
        read_by_browser, self.write_to = os.pipe()
        self.read_from, written_by_browser = os.pipe()
        # The browser's ends must become 3 and 4, so nothing else may be there.
        theirs = [fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in (read_by_browser, written_by_browser)]
        os.close(read_by_browser)
        os.close(written_by_browser)

        def take_places():
            os.dup2(theirs[0], 3)
            os.dup2(theirs[1], 4)

        self.process = subprocess.Popen(
            [
                program, "--headless=new", "--window-size=900,700", "--no-sandbox", "--disable-gpu", "--no-first-run",
                "--disable-background-networking", "--no-proxy-server", "--disable-dev-shm-usage",
                f"--user-data-dir={folder}", "--remote-debugging-pipe", "about:blank",
            ],
            preexec_fn=take_places, pass_fds=(3, 4), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, start_new_session=True,
        )
        for end in theirs:
            os.close(end)
        self.number, self.buffer, self.events, self.session = 0, b"", [], None
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.ask("Page.enable")
        self.ask("Emulation.setScriptExecutionDisabled", value=not scripts)

    def close(self):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def message(self):
        signal.alarm(PATIENCE)
        while b"\0" not in self.buffer:
            piece = os.read(self.read_from, 65536)
            if not piece:
                raise SystemExit("the browser ended")
            self.buffer += piece
        signal.alarm(0)
        text, _, self.buffer = self.buffer.partition(b"\0")
        return json.loads(text)

    def ask(self, method, **parameters):
        self.number += 1
        question = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            question["sessionId"] = self.session
        os.write(self.write_to, json.dumps(question).encode() + b"\0")
        while (message := self.message()).get("id") != self.number:
            self.events.append(message)
        if "error" in message:
            raise SystemExit(f"{method}: {message['error']['message']}")
        return message["result"]

    def wait_for(self, method):
        while True:
            while self.events:
                event = self.events.pop(0)
                if event.get("method") == method:
                    return event["params"]
            self.events.append(self.message())

    def open(self, url):
        self.events.clear()
        self.ask("Page.navigate", url=url)
        self.wait_for("Page.loadEventFired")

    def node(self, selector):
        root = self.ask("DOM.getDocument")["root"]["nodeId"]
        return self.ask("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]

    def type(self, selector, text):
        self.ask("DOM.focus", nodeId=self.node(selector))
        self.ask("Input.insertText", text=text)

    def click(self, selector, loads=True):
        """Clicks, and waits for the page it leads to if it leads to one."""
        self.ask("DOM.scrollIntoViewIfNeeded", nodeId=self.node(selector))
        corners = self.ask("DOM.getBoxModel", nodeId=self.node(selector))["model"]["content"]
        place = {"x": (corners[0] + corners[4]) / 2, "y": (corners[1] + corners[5]) / 2}
        self.events.clear()
        for kind in ("mousePressed", "mouseReleased"):
            self.ask("Input.dispatchMouseEvent", type=kind, button="left", clickCount=1, **place)
        if loads:
            self.wait_for("Page.loadEventFired")

    def press(self, key, code=None):
        """One key of the keyboard, such as Tab or Enter."""
        codes = {"Tab": 9, "Enter": 13, "Escape": 27}
        more = {"windowsVirtualKeyCode": codes[key]} if key in codes else {"text": key}
        if key == "Enter":
            more["text"] = "\r"
        for kind in ("keyDown", "keyUp"):
            self.ask("Input.dispatchKeyEvent", type=kind, key=key, code=code or key, **more)

    def value(self, expression):
        """What a JavaScript expression is on the page."""
        told = self.ask("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in told:
            raise SystemExit(f"{expression}: {told['exceptionDetails']}")
        return told["result"].get("value")

    def size(self, width, height, dark=False):
        phone = width < 600
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=phone)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.ask("Emulation.setEmulatedMedia", features=[scheme])

    def address(self):
        history = self.ask("Page.getNavigationHistory")
        return history["entries"][history["currentIndex"]]["url"]

    def html(self):
        root = self.ask("DOM.getDocument")["root"]["nodeId"]
        return self.ask("DOM.getOuterHTML", nodeId=root)["outerHTML"]

    def picture(self, name):
        PICTURES.mkdir(parents=True, exist_ok=True)
        data = self.ask("Page.captureScreenshot", format="png")["data"]
        (PICTURES / f"{name}.png").write_bytes(base64.b64decode(data))


def expect(what, holds):
    if not holds:
        raise SystemExit(f"FAILED: {what}")
    print(f"ok: {what}")
