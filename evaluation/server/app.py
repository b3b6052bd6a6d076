"""Answers the page: which model it is, what songs there are, how they sound, files to take away."""

from collections.abc import Mapping
from importlib.resources import files
from types import MappingProxyType

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from configs.instruments import name_of
from data_prep.audio.encoding import FORMATS
from evaluation.server.asked import WHAT_PLAYS, read_asked
from evaluation.server.downloads import Tickets, make_download
from evaluation.server.guard import Guard
from evaluation.server.hearing import MOST_FRAMES, stretch
from evaluation.server.song import Song
from evaluation.server.songs import Songs
from evaluation.server.uploads import plain_title, receive, why_not_written
from evaluation.songs.choice import naming, parse_labels

_PAGE: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "/": ("page/page.html", "text/html"),
        "/page.css": ("page/page.css", "text/css"),
        "/page.js": ("page/page.js", "text/javascript"),
        "/player.js": ("page/player.js", "text/javascript"),
        "/heard.js": ("page/heard.js", "text/javascript"),
    }
)


def make_app(songs: Songs, model: str, token: str, most_bytes: int) -> Guard:
    """Returns the application that serves the page.

    Args:
        songs: that were sent, and will be.
        model: says in words which network separates.
        token: that requests must bring.
        most_bytes: that a song may have.
    """
    answers = _Answers(songs, model, most_bytes)
    routes = [_file_route(path) for path in _PAGE]
    routes += [
        Route("/api/model", answers.model),
        Route("/api/songs", answers.send, methods=["POST"]),
        Route("/api/songs", answers.list),
        Route("/api/songs/{key}", answers.remove, methods=["DELETE"]),
        Route("/api/songs/{key}/picture", answers.picture),
        Route("/api/songs/{key}/taggram", answers.taggram),
        Route("/api/songs/{key}/again", answers.again, methods=["POST"]),
        Route("/api/songs/{key}/sound", answers.sound),
        Route("/api/songs/{key}/downloads", answers.make_download, methods=["POST"]),
        Route("/downloads/{ticket}", answers.download),
    ]
    handlers = {ValueError: _refuse, OSError: _tell_of_disk, ClientDisconnect: _leave}
    app = Starlette(routes=routes, exception_handlers=handlers)
    app.router.redirect_slashes = False
    return Guard(app, token)


class _Answers:
    """Answers requests; those that wait for a disk do so in threads."""

    def __init__(self, songs: Songs, model: str, most_bytes: int) -> None:
        self._songs = songs
        self._model = model
        self._most_bytes = most_bytes
        self._tickets = Tickets()

    async def model(self, _: Request) -> Response:
        """Says what the network separates."""
        config = self._songs.separator.config
        said = {
            "model": self._model,
            "sources": {label: name_of(label) for label in config.data.sources},
            "takes_unknown_labels": config.takes_unknown_labels,
            "formats": [*FORMATS],
            "most_bytes": self._most_bytes,
        }
        if self._songs.can_listen:
            said["listens"] = True
        return JSONResponse(said)

    async def list(self, _: Request) -> Response:
        """Says what became of all songs."""
        return JSONResponse(self._songs.describe())

    async def send(self, request: Request) -> Response:
        """Receives a song, whose bytes are the body."""
        given = request.query_params
        separator = self._songs.separator
        asked = read_asked(given, separator.sources, separator.label_vector, self._songs.can_listen)
        song = self._songs.make(plain_title(given.get("title", "")), asked)
        try:
            await receive(request, song.upload, self._most_bytes)
        except BaseException:
            # Also where the sender goes away.
            self._songs.remove(song)
            raise
        self._songs.queue(song)
        return JSONResponse(song.describe(), 201)

    def again(self, request: Request) -> Response:
        """Lets a song that was listened to be separated once more, with labels of a person."""
        song = self._finished(request)
        with naming(WHAT_PLAYS):
            # Never None, which would be that nobody knows.
            given = request.query_params.get("labels", "")
            labels = parse_labels(given, self._songs.separator.sources)
        if song.taggram is None or labels is None:
            raise HTTPException(409, "nobody has listened to this song; send it again instead.")
        try:
            other = self._songs.again(song, labels)
        except OSError:
            self._require_there(song)
            raise
        return JSONResponse(other.describe(), 201)

    def remove(self, request: Request) -> Response:
        """Removes a song."""
        self._songs.remove(self._song(request))
        return Response(status_code=204)

    def picture(self, request: Request) -> Response:
        """Says what there is to draw of a song."""
        song = self._finished(request)
        assert song.picture is not None
        return JSONResponse(song.picture._asdict())

    def taggram(self, request: Request) -> Response:
        """Says what was heard of a song over time."""
        song = self._finished(request)
        if song.taggram is None:
            raise HTTPException(404, "nobody has listened to this song.")
        return JSONResponse({"rows": [row._asdict() for row in song.taggram]})

    def sound(self, request: Request) -> Response:
        """Returns a stretch of a song and its stems."""
        song = self._finished(request)
        first = _number(request, "first")
        num_frames = _number(request, "frames")
        data = stretch(song.sounds(), first, num_frames)
        return Response(data, media_type="application/octet-stream")

    def make_download(self, request: Request) -> Response:
        """Makes a file to take away, and says where it can be fetched."""
        song = self._finished(request)
        given = request.query_params
        try:
            made = make_download(song, given.get("stem", ""), given.get("format", ""))
        except OSError:
            self._require_there(song)
            raise
        return JSONResponse({"address": f"/downloads/{self._tickets.issue(made)}"})

    async def download(self, request: Request) -> Response:
        """Returns the file of a ticket."""
        if request.method != "GET":
            # Looking at it does not spend it.
            raise HTTPException(405)
        made = self._tickets.redeem(request.path_params["ticket"])
        if made is None or not made.path.is_file():
            raise HTTPException(404, "this link was good once and for a minute; ask for another.")
        return FileResponse(made.path, filename=made.name)

    def _song(self, request: Request) -> Song:
        song = self._songs.find(request.path_params["key"])
        if song is None:
            raise HTTPException(404, "there is no such song; it may have been removed.")
        return song

    def _require_there(self, song: Song) -> None:
        if song.is_removed:
            raise HTTPException(404, "the song was removed.") from None

    def _finished(self, request: Request) -> Song:
        song = self._song(request)
        if song.state != "ready":
            raise HTTPException(409, "the song is not separated.")
        song.touch()
        return song


def _file_route(path: str) -> Route:
    name, kind = _PAGE[path]
    content = files(__package__).joinpath(name).read_bytes()

    async def answer(_: Request) -> Response:
        return Response(content, media_type=kind)

    return Route(path, answer)


def _number(request: Request, name: str) -> int:
    text = request.query_params.get(name, "")
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise ValueError(f"{name}={text!r} is no number of frames, such as {MOST_FRAMES}.")
    return int(text)


async def _refuse(_: Request, error: Exception) -> Response:
    # What else the sender has to say is not read.
    return PlainTextResponse(str(error), 400, headers={"connection": "close"})


async def _tell_of_disk(_: Request, error: Exception) -> Response:
    assert isinstance(error, OSError)
    return PlainTextResponse(why_not_written(error), 507, headers={"connection": "close"})


async def _leave(_: Request, _error: Exception) -> Response:
    # Nobody is there to read it.
    return Response(status_code=400)
