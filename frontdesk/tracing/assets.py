"""The dashboard's folder, and its static files under a version made of their content."""

import gzip
import hashlib
import mimetypes
import time
from dataclasses import dataclass
from pathlib import Path

IMMUTABLE = "public, max-age=31536000, immutable"
REVALIDATE = "no-cache"

# Windows reads its registry for these, and a module with a wrong type is refused.
TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}


def dashboard_folder() -> Path:
    """Where templates and static files lie: beside the package in a wheel, else in the checkout.

    Raises ``FileNotFoundError`` when neither exists, which means a broken install.
    """
    package = Path(__file__).resolve().parents[1]
    installed = package / "_tracing" / "dashboard"
    checkout = package.parent / "tracing" / "dashboard"
    for folder in (installed, checkout):
        if (folder / "templates").is_dir():
            return folder
    raise FileNotFoundError(
        f"The dashboard's pages are neither in {installed} nor in {checkout}: reinstall frontdesk."
    )


@dataclass(frozen=True, slots=True)
class Asset:
    """A static file, as it is sent."""

    body: bytes
    packed: bytes | None
    """The same by gzip, where that is shorter."""
    media_type: str


class Assets:
    """Static files, addressed as ``/static/<version>/<path>``.

    One version covers the whole folder, so that modules can import each other by relative paths.
    It follows edits on disk: whoever changes a stylesheet sees it on the next reload. All are kept
    in memory, packed once: a page asks for dozens of them in one moment.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen: tuple[tuple[str, int, int], ...] = ()
        self._files: dict[str, Asset] = {}
        self._version = ""
        self._looked = 0.0
        self.version()

    def version(self) -> str:
        """16 hex digits of the SHA-256 of all paths and contents, looked up once a second."""
        now = time.monotonic()
        if self._version and now - self._looked < 1.0:
            return self._version
        self._looked = now
        files = {
            path.relative_to(self._folder).as_posix(): path
            for path in sorted(self._folder.rglob("*"))
            if path.is_file()
        }
        stats = ((name, path.stat()) for name, path in files.items())
        seen = tuple((name, stat.st_mtime_ns, stat.st_size) for name, stat in stats)
        if seen != self._seen:
            digest = hashlib.sha256()
            found: dict[str, Asset] = {}
            for name, path in files.items():
                body = path.read_bytes()
                digest.update(f"{name}\0".encode())
                digest.update(hashlib.sha256(body).digest())
                packed = gzip.compress(body, mtime=0)
                shorter = packed if len(packed) < len(body) else None
                found[name] = Asset(body, shorter, media_type(path))
            self._files, self._version, self._seen = found, digest.hexdigest()[:16], seen
        return self._version

    def url(self, name: str) -> str:
        """The address of a file, for templates. Raises ``KeyError`` when there is none."""
        version = self.version()
        if name not in self._files:
            raise KeyError(f"No static file {name!r} in {self._folder}")
        return f"/static/{version}/{name}"

    def find(self, name: str) -> Asset | None:
        """The file behind a path, or None. Only files of the folder can be found, never others."""
        return self._files.get(name)

    def cache_control(self, version: str) -> str:
        """A file asked for by the version in force never changes under that address."""
        return IMMUTABLE if version == self._version else REVALIDATE


def media_type(path: Path) -> str:
    return (
        TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    )
