"""A real app on a port of its own, and Debian's Chromium, which may ask nobody but it."""

import shutil
import signal
import socket
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, sync_playwright
from running import RunningApp, Watch, started


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.skip("needs chromium (apt-get install chromium)")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--use-fake-device-for-media-stream"]
        )
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApp]:
    folder = tmp_path_factory.mktemp("app")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    running = RunningApp(folder, port, started(folder, port))
    yield running
    running.process.send_signal(signal.SIGINT)
    running.process.communicate(timeout=60)


@pytest.fixture
def watch() -> Iterator[Watch]:
    watching = Watch()
    yield watching
    assert watching.wrong == []


@pytest.fixture
def page(browser: Browser, watch: Watch) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1200, "height": 900})
    page = context.new_page()
    page.set_default_timeout(120_000)
    watch.over(page)
    yield page
    context.close()
