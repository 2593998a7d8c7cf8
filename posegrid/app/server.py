"""The command `posegrid app`: pages in a browser, over the same core as `posegrid predict`."""

import secrets
import shutil
import sys
import threading
import time
import webbrowser
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from importlib.resources import as_file, files
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.templating import Jinja2Templates

from posegrid.app.corrected import MOST_BYTES, save_corrected, viewer_of
from posegrid.app.guard import Access, Guard, is_ours
from posegrid.app.jobs import Job, Jobs
from posegrid.app.results import CORRECTED, Results, clip_name, downloads
from posegrid.app.runner import Runner
from posegrid.app.settings import AppSettings
from posegrid.app.upload import UploadError, check_size, received, shown_name
from posegrid.body.formats.viewer import PROGRAMS, viewer_file
from posegrid.errors import OutputError, PosegridError

HERE = files("posegrid.app")
SAMPLE = "sample.mp4"
MOST_WAITING = 100
GAIT_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:"
"""Of the gait page, which has its style inside and no program."""
VIEWER_FILES = {"viewer.css": "text/css"} | dict.fromkeys(PROGRAMS, "text/javascript")


def serve(settings: AppSettings) -> None:
    """Answer browsers until Ctrl-C. Raises OutputError, SettingsError."""
    jobs = Jobs(settings.folder)
    access = Access.new(settings.host is not None, _secret(settings.folder))
    app = application(settings, jobs, access)
    host = settings.host or "127.0.0.1"
    address = f"http://{host}:{settings.port}/" + (f"?token={access.token}" if access.token else "")
    config = uvicorn.Config(
        app, host=host, port=settings.port, log_level="warning", access_log=False
    )
    server = uvicorn.Server(config)
    print(f"posegrid app: {address} (Ctrl-C ends it; jobs are in {settings.folder})", flush=True)
    if settings.open and sys.stdout.isatty():
        threading.Timer(1.0, webbrowser.open, [address]).start()
    try:
        server.run()
    except SystemExit as error:
        raise OutputError(
            f"port {settings.port} cannot be listened on: give another `port`."
        ) from error


def application(settings: AppSettings, jobs: Jobs, access: Access) -> Starlette:
    """The app; it works on jobs while it is up. Raises SettingsError as `Runner`."""
    runner = Runner(settings, jobs)
    site = Site(settings, jobs, access)

    @asynccontextmanager
    async def running(app: Starlette) -> AsyncIterator[None]:
        runner.start()
        yield
        await run_in_threadpool(runner.stop)

    return Starlette(
        routes=site.routes(),
        middleware=[Middleware(Guard, access=access)],
        exception_handlers={HTTPException: site.refused, UploadError: site.not_taken},
        lifespan=running,
    )


def _secret(folder: Path) -> bytes:
    """Random bytes of the folder, readable by its owner only."""
    path = folder / "secret"
    if not path.exists():
        path.touch(mode=0o600)
        path.write_bytes(secrets.token_bytes(32))
    return path.read_bytes()


class Site:
    """The pages and what they ask for."""

    def __init__(self, settings: AppSettings, jobs: Jobs, access: Access) -> None:
        self._settings, self._jobs, self._access = settings, jobs, access
        self._pages = Jinja2Templates(directory=str(HERE / "templates"))

    def routes(self) -> list[Route | Mount]:
        """Every address there is."""

        def post(path: str, act: Callable[[Request], Awaitable[Response]]) -> Route:
            return Route(path, self._ours(act), methods=["POST"])

        return [
            Route("/", self.home),
            Route("/jobs/{id}", self.job),
            Route("/jobs/{id}/status", self.status),
            Route("/jobs/{id}/files/{name}", self.file),
            Route("/jobs/{id}/viewer/{person:int}", self.viewer),
            Route("/viewer/{name}", self.viewer_file),
            post("/upload", self.upload),
            post("/sample", self.sample),
            post("/jobs/{id}/edits", self.edits),
            post("/jobs/{id}/cancel", self.cancel),
            post("/jobs/{id}/delete", self.delete),
            Mount("/static", StaticFiles(directory=str(HERE / "static"))),
        ]

    def _ours(self, act: Callable[[Request], Awaitable[Response]]) -> Callable[..., object]:
        """The act, for those who have the form token."""

        async def checked(request: Request) -> Response:
            if not await is_ours(request, self._access):
                raise HTTPException(403, "This page is too old, or not ours: load it again.")
            return await act(request)

        return checked

    def _page(
        self, request: Request, name: str, content: dict[str, object], status: int = 200
    ) -> Response:
        secret = {"token": self._access.form_token}
        return self._pages.TemplateResponse(request, name, content | secret, status)

    def _job(self, request: Request) -> Job:
        job = self._jobs.get(request.path_params["id"])
        if job is None:
            raise HTTPException(404, "There is no such job; it may have been deleted.")
        return job

    def home(self, request: Request) -> Response:
        """A place for a video, and the jobs there are."""
        limits = self._settings
        return self._page(request, "home.html", {"jobs": self._jobs.all(), "limits": limits})

    def job(self, request: Request) -> Response:
        """How far a job is, or what it made."""
        job = self._job(request)
        folder = self._jobs.folder(job.id) / "results"
        results = Results.load(folder) if job.state == "done" else None
        number = request.query_params.get("person", "")
        person = None
        if results:
            chosen = [p for p in results.people if str(p.number) == number]
            person = (chosen or list(results.people))[0]
        kept = downloads(folder, person.number, job.name) if person else {}
        has_video = (folder / "video.mp4").is_file()
        if has_video and kept:
            kept["video.mp4"] = clip_name(job.name)
        sizes = [(name, called, (folder / name).stat().st_size) for name, called in kept.items()]
        gaits = [name for name in kept if name.endswith(f"_{CORRECTED}_gait.html")]
        shown = {"job": job, "results": results, "person": person, "has_video": has_video}
        shown["corrected_gaits"] = gaits
        return self._page(request, "job.html", {**shown, "downloads": sizes, **_progress(job)})

    def status(self, request: Request) -> Response:
        """How far a job is, for its page."""
        job = self._job(request)
        return JSONResponse({"state": job.state, **_progress(job)})

    def file(self, request: Request) -> Response:
        """A file that a job made: one of those that are listed."""
        job, name = self._job(request), request.path_params["name"]
        folder = self._jobs.folder(job.id) / "results"
        results = Results.load(folder) if job.state == "done" else None
        known = {"video.mp4": clip_name(job.name)}
        for person in results.people if results else ():
            known |= downloads(folder, person.number, job.name)
        if name not in known or not (folder / name).is_file():
            raise HTTPException(404, "There is no such file.")
        is_page = name.endswith("_gait.html") and "show" in request.query_params
        kind = "inline" if is_page or name == "video.mp4" else "attachment"
        answer = FileResponse(folder / name, filename=known[name], content_disposition_type=kind)
        if is_page:
            answer.headers["Content-Security-Policy"] = GAIT_POLICY
        return answer

    async def viewer(self, request: Request) -> Response:
        """Everybody in 3D beside the video, one person's curves below."""
        job, person = self._job(request), request.path_params["person"]
        folder = self._jobs.folder(job.id) / "results"
        results = Results.load(folder) if job.state == "done" else None
        numbers = [p.number for p in results.people] if results else []
        if person not in numbers:
            raise HTTPException(404, "There is no such person.")
        numbers.sort(key=lambda number: number != person)
        save = {"address": f"/jobs/{job.id}/edits", "token": self._access.form_token}
        video = f"/jobs/{job.id}/files/video.mp4" if (folder / "video.mp4").is_file() else ""
        return HTMLResponse(await run_in_threadpool(viewer_of, folder, numbers, video, save))

    async def edits(self, request: Request) -> Response:
        """Corrections by hand as the body, as the viewer sends them."""
        job, text = self._job(request), b""
        async for part in request.stream():
            text += part
            if len(text) > MOST_BYTES:
                return JSONResponse({"error": "These are too many edits."}, 413)
        folder = self._jobs.folder(job.id) / "results"
        results = Results.load(folder) if job.state == "done" else None
        numbers = [p.number for p in results.people] if results else []
        try:
            await run_in_threadpool(save_corrected, folder, numbers, text)
        except PosegridError as error:
            return JSONResponse({"error": str(error)}, 422)
        return JSONResponse({"saved": True})

    def viewer_file(self, request: Request) -> Response:
        """The viewer's program and style."""
        name = request.path_params["name"]
        if name not in VIEWER_FILES:
            raise HTTPException(404, "There is no such file.")
        return Response(viewer_file(name), media_type=VIEWER_FILES[name])

    async def upload(self, request: Request) -> Response:
        """A video as the body; its name and what is known of it in the address."""
        limits, said = self._settings, request.query_params
        size = request.headers.get("content-length", "0")
        check_size(int(size) if size.isdecimal() else 0, limits.max_mb, self._jobs.root)
        height_m = _number(said.get("height_m", ""), 0.5, 2.5, "height")
        fov_deg = _number(said.get("fov_deg", ""), 5, 150, "angle of view")
        self._check_queue()
        job_id = self._jobs.new_id()
        try:
            video = await received(request.stream(), self._jobs.folder(job_id), limits.max_mb)
            name = shown_name(said.get("name", ""))
            job = Job(job_id, name, video, "waiting", time.time(), height_m, fov_deg)
            await run_in_threadpool(self._jobs.add, job)
        except BaseException as error:
            shutil.rmtree(self._jobs.folder(job_id), ignore_errors=True)
            if isinstance(error, ClientDisconnect):
                return Response(status_code=400)
            raise
        return JSONResponse({"url": f"/jobs/{job_id}"}, 201)

    async def sample(self, request: Request) -> Response:
        """A rendered walk that comes with the app."""
        check_size(0, self._settings.max_mb, self._jobs.root)
        self._check_queue()
        job_id = self._jobs.new_id()
        with as_file(HERE / SAMPLE) as path:
            shutil.copyfile(path, self._jobs.folder(job_id) / "upload.mp4")
        self._jobs.add(Job(job_id, "sample walk.mp4", "upload.mp4", "waiting", time.time()))
        return RedirectResponse(f"/jobs/{job_id}", 303)

    async def cancel(self, request: Request) -> Response:
        """End a job, but keep it in the list."""
        job = self._job(request)
        self._jobs.end(job.id, "cancelled")
        return RedirectResponse(f"/jobs/{job.id}", 303)

    async def delete(self, request: Request) -> Response:
        """Delete a job with its video and all that was made of it."""
        await run_in_threadpool(self._jobs.delete, self._job(request).id)
        return RedirectResponse("/", 303)

    def _check_queue(self) -> None:
        if sum(not job.is_over for job in self._jobs.all()) >= MOST_WAITING:
            raise UploadError(429, f"{MOST_WAITING} videos wait already: try again later.")

    async def refused(self, request: Request, error: Exception) -> Response:
        """A page that says what is wrong."""
        assert isinstance(error, HTTPException)
        return self._page(request, "message.html", {"message": error.detail}, error.status_code)

    async def not_taken(self, request: Request, error: Exception) -> Response:
        """Why a video is not taken, for the page's program."""
        assert isinstance(error, UploadError)
        return JSONResponse({"error": str(error)}, error.status, {"Connection": "close"})


def _progress(job: Job) -> dict[str, object]:
    """How far a job is, in words and as a share."""
    left = job.left_s(time.time())
    words = job.doing
    if job.total:
        words += f": {job.done} of {job.total}"
    if left is not None:
        words += f", about {left:.0f} s left"
    share = job.done / job.total if job.total else None
    return {"words": "Waiting for its turn" if job.state == "waiting" else words, "share": share}


def _number(text: str, low: float, high: float, what: str) -> float | None:
    """A number of a form, None if it is left empty. Raises UploadError."""
    if not text.strip():
        return None
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not low <= value <= high:
        raise UploadError(422, f"The {what} is {text}: expected {low:g} to {high:g}.")
    return value
