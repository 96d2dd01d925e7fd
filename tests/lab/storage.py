"""Storage outside that asks for a login, in memory: restic's REST protocol below /rest/, S3 below /bucket/.

What it answers is what restic 0.14 needs. A login is really checked: the password of Basic, the signature (version 4) of S3.

Source: restic's manual, "REST Backend"; Amazon S3 API reference, "Authenticating Requests (AWS Signature Version 4)".
"""

import base64
import contextlib
import hashlib
import hmac
import http.server
import json
import re
import threading
from collections.abc import Iterator
from email.utils import formatdate
from urllib.parse import parse_qsl, quote, unquote, urlsplit
from xml.sax.saxutils import escape

LOGIN, SECRET = "AKIALABLABLABLAB", "the secret/of this+storage"
# As S3 words it (API reference, "Error responses").
_REFUSED = (
    b"<Error><Code>SignatureDoesNotMatch</Code><Message>The request signature we calculated does not match the signature you provided."
    b" Check your key and signing method.</Message></Error>"
)
_LISTED = "<Contents><Key>{}</Key><Size>{}</Size><LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>x</ETag></Contents>"


class _Handler(http.server.BaseHTTPRequestHandler):
    """One object is one value of `things`, by its path."""

    protocol_version = "HTTP/1.1"
    things: dict[str, bytes]

    def handle_one_request(self) -> None:
        """Whoever is gone in the middle is gone."""
        with contextlib.suppress(ConnectionError):
            super().handle_one_request()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class's name
        """Silence."""

    def _any(self) -> None:
        self.query = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))
        self.place = unquote(urlsplit(self.path).path)
        body = self._body()
        if self.place.startswith("/rest/"):
            self._rest(body)
        else:
            self._s3(body)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = _any  # noqa: N815  # the base class looks for these names

    def _body(self) -> bytes:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if not self.headers.get("X-Amz-Content-Sha256", "").startswith("STREAMING"):
            return body
        whole, rest = b"", body
        while rest:
            head, rest = rest.split(b"\r\n", 1)
            size = int(head.split(b";")[0], 16)
            whole, rest = whole + rest[:size], rest[size + 2 :]
        return whole

    def _answer(self, status: int, body: bytes = b"", kind: str = "application/octet-stream", **headers: str) -> None:
        self.send_response(status)
        length = headers.pop("length", str(len(body)))
        for name, value in {
            "Content-Type": kind,
            "Content-Length": length,
            "ETag": '"x"',
            "Last-Modified": formatdate(usegmt=True),
        }.items():
            self.send_header(name, value)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _thing(self, missing: bytes = b"") -> None:
        """The object, or the part of it that was asked for."""
        whole = self.things.get(self.place)
        if whole is None:
            self._answer(404, missing, "application/xml")
        elif self.command == "HEAD":
            self._answer(200, length=str(len(whole)))
        elif found := re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", "")):
            first, last = int(found[1]), int(found[2] or len(whole) - 1)
            part = whole[first : last + 1]
            self._answer(206, part, Content_Range=f"bytes {first}-{first + len(part) - 1}/{len(whole)}")
        else:
            self._answer(200, whole)

    def _rest(self, body: bytes) -> None:
        if self.headers.get("Authorization") != "Basic " + base64.b64encode(f"{LOGIN}:{SECRET}".encode()).decode():
            self._answer(401)
        elif self.command == "POST":
            self.things[self.place] = body
            self._answer(200)
        elif self.command == "DELETE":
            self._answer(200 if self.things.pop(self.place, None) is not None else 404)
        elif self.place.endswith("/"):
            names = [{"name": path.rsplit("/", 1)[1], "size": len(data)} for path, data in self.things.items()
                     if path.startswith(self.place) and path != self.place]  # fmt: skip
            self._answer(200, json.dumps(names).encode(), "application/vnd.x.restic.rest.v2")
        else:
            self._thing()

    def _s3(self, body: bytes) -> None:
        if not self._signed():
            self._answer(403, _REFUSED,
                         "application/xml")  # fmt: skip
        elif "location" in self.query:
            self._answer(200, b"<LocationConstraint></LocationConstraint>", "application/xml")
        elif self.command == "PUT":
            self.things[self.place] = body
            self._answer(200)
        elif self.command == "DELETE":
            self.things.pop(self.place, None)
            self._answer(204)
        elif "list-type" in self.query:
            self._answer(200, self._listing().encode(), "application/xml")
        elif self.place == "/bucket/":
            self._answer(200)
        else:
            self._thing(b"<Error><Code>NoSuchKey</Code><Message>It is not there.</Message></Error>")

    def _listing(self) -> str:
        prefix, delimiter = self.query.get("prefix", ""), self.query.get("delimiter", "")
        listed, folders = [], set()
        for path, data in sorted(self.things.items()):
            key = path.removeprefix("/bucket/")
            if path == key or not key.startswith(prefix):
                continue
            rest = key[len(prefix) :]
            if delimiter and delimiter in rest:
                folders.add(prefix + rest.split(delimiter)[0] + delimiter)
            else:
                listed.append(_LISTED.format(escape(key), len(data)))
        listed += [f"<CommonPrefixes><Prefix>{escape(folder)}</Prefix></CommonPrefixes>" for folder in sorted(folders)]
        return f"<ListBucketResult><IsTruncated>false</IsTruncated>{''.join(listed)}</ListBucketResult>"

    def _signed(self) -> bool:
        found = re.match(
            r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d+)/([^/]+)/s3/aws4_request, ?SignedHeaders=([^,]+), ?Signature=(\w+)",
            self.headers.get("Authorization", ""),
        )
        if not found or found[1] != LOGIN:
            return False
        _, day, region, names, signature = found.groups()
        query = "&".join(f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}" for name, value in sorted(self.query.items()))
        headers = "".join(f"{name}:{' '.join(self.headers[name].split())}\n" for name in names.split(";"))
        asked = [self.command, urlsplit(self.path).path, query, headers, names, self.headers["X-Amz-Content-Sha256"]]
        digest = hashlib.sha256("\n".join(asked).encode()).hexdigest()
        text = f"AWS4-HMAC-SHA256\n{self.headers['X-Amz-Date']}\n{day}/{region}/s3/aws4_request\n{digest}"
        key = f"AWS4{SECRET}".encode()
        for word in (day, region, "s3", "aws4_request"):
            key = hmac.digest(key, word.encode(), "sha256")
        return hmac.compare_digest(hmac.digest(key, text.encode(), "sha256").hex(), signature)


@contextlib.contextmanager
def serve(address: str, port: int) -> Iterator[dict[str, bytes]]:
    """Serve while the block runs; yields the objects by path."""
    things: dict[str, bytes] = {}
    handler = type("Handler", (_Handler,), {"things": things})
    server = http.server.ThreadingHTTPServer((address, port), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True, name="lab-storage").start()
    yield things
    server.shutdown()
    server.server_close()
