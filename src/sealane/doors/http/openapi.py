"""The description of the whole API (OpenAPI 3.1): FastAPI describes its own routes, the data routes are added here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sealane.doors.http import tus
from sealane.doors.http.exposure_schemas import NewFolderReading, NewListHeader
from sealane.doors.http.problems import MEDIA_TYPE as PROBLEM
from sealane.doors.http.schemas import MoveTo, NewHeaderIs, NewHeadersAre, Problem, RestoreTo

if TYPE_CHECKING:
    from fastapi import FastAPI
    from pydantic import BaseModel

JsonObject = dict[str, Any]

_BYTES: JsonObject = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
_TUS_BODY: JsonObject = {tus.MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}}
_FAILED: JsonObject = {
    "description": "A problem document (RFC 9457); `code` is stable.",
    "content": {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}},
}


def _header(name: str, description: str, *, required: bool = False) -> JsonObject:
    return {
        "name": name,
        "in": "header",
        "description": description,
        "required": required,
        "schema": {"type": "string"},
    }


def _answer(description: str, *headers: str, content: JsonObject | None = None) -> JsonObject:
    answer: JsonObject = {"description": description}
    if headers:
        answer["headers"] = {name: {"schema": {"type": "string"}} for name in headers}
    if content:
        answer["content"] = content
    return answer


def _operation(
    summary: str, *parameters: JsonObject, answers: JsonObject, body: JsonObject | None = None, tag: str = "content"
) -> JsonObject:
    operation: JsonObject = {
        "summary": summary,
        "tags": [tag],
        "parameters": list(parameters),
        "responses": answers | {"default": _FAILED},
    }
    if body is not None:
        operation["requestBody"] = {"content": body}
    return operation


_PATH: JsonObject = {
    "name": "path",
    "in": "path",
    "required": True,
    "description": "The path as you see it, each name percent-encoded once. `.`, `..` and encoded slashes are refused.",
    "schema": {"type": "string"},
}
_UPLOAD: JsonObject = {"name": "upload", "in": "path", "required": True, "schema": {"type": "string"}}
_RESUMABLE = _header("Tus-Resumable", "1.0.0", required=True)
_CONDITIONS = (
    _header("If-Match", "Entity tags, or *."),
    _header("If-None-Match", "Entity tags, or *."),
)
_VERSION: JsonObject = {
    "name": "version",
    "in": "query",
    "description": "Not the file that stands there, but this version of it, which may have stood there before.",
    "schema": {"type": "string"},
}
_CHECKSUM = _header("Upload-Checksum", f"`ALGORITHM BASE64` over this body; {tus.CHECKSUM_ALGORITHMS}.")

_CONTENT: JsonObject = {
    "put": _operation(
        "Send a whole file",
        _PATH,
        *_CONDITIONS,
        _header("Repr-Digest", "`sha-256=:BASE64:` (RFC 9530); refused if what arrives differs."),
        _header("Content-Digest", "Likewise: content and representation are the same here."),
        _header("Last-Modified", "The time that the file shall show."),
        body=_BYTES,
        answers={"201": _answer("It is durable and visible.", "ETag", "Repr-Digest", "Sealane-Version")},
    ),
    "get": _operation(
        "Fetch a file, or ranges of it",
        _PATH,
        _VERSION,
        *_CONDITIONS,
        _header("If-Modified-Since", "A date."),
        _header("If-Unmodified-Since", "A date."),
        _header("Range", "`bytes=…`, one or several (RFC 9110, 14)."),
        _header("If-Range", "An entity tag: the whole file is sent if it is no longer this version."),
        answers={
            "200": _answer("The file.", "ETag", "Last-Modified", "Accept-Ranges", "Repr-Digest", content=_BYTES),
            "206": _answer("The ranges.", "ETag", "Content-Range", "Repr-Digest", content=_BYTES),
            "304": _answer("You have it.", "ETag"),
            "416": _FAILED,
        },
    ),
    "head": _operation(
        "What is known of a file",
        _PATH,
        _VERSION,
        *_CONDITIONS,
        answers={"200": _answer("It is there.", "ETag", "Last-Modified", "Content-Length", "Repr-Digest")},
    ),
    "delete": _operation(
        "Remove a file", _PATH, _header("If-Match", "Entity tags, or *."), answers={"204": _answer("Removed.")}
    ),
}
_UPLOADS: JsonObject = {
    "post": _operation(
        "Begin a resumable upload (tus 1.0), or join finished parts",
        _RESUMABLE,
        _header("Upload-Length", "Bytes of the whole file."),
        _header("Upload-Defer-Length", "1: the length is told by a later PATCH."),
        _header("Upload-Metadata", "`path BASE64[,filename BASE64][,mtime BASE64]`; mtime in seconds or RFC 3339."),
        _header("Upload-Concat", "`partial`, or `final;` and the addresses of finished parts."),
        _CHECKSUM,
        body=_TUS_BODY,
        answers={"201": _answer("Begun.", "Location", "Upload-Offset", "Upload-Expires", "Sealane-Version")},
        tag="uploads",
    ),
    "options": _operation(
        "What this server can",
        answers={"204": _answer("tus.", "Tus-Version", "Tus-Extension", "Tus-Max-Size", "Tus-Checksum-Algorithm")},
        tag="uploads",
    ),
}
_ONE_UPLOAD: JsonObject = {
    "head": _operation(
        "Where an upload stands",
        _UPLOAD,
        _RESUMABLE,
        answers={"200": _answer("It is durable up to here.", "Upload-Offset", "Upload-Length", "Upload-Expires")},
        tag="uploads",
    ),
    "patch": _operation(
        "Send more bytes",
        _UPLOAD,
        _RESUMABLE,
        _header("Upload-Offset", "Where the body begins; where the upload stands.", required=True),
        _header("Upload-Length", "Where the length was deferred."),
        _CHECKSUM,
        body=_TUS_BODY,
        answers={
            "204": _answer("Durable.", "Upload-Offset", "Upload-Expires", "Sealane-Version", "Repr-Digest"),
            "409": _FAILED,
            "423": _FAILED,
            "460": _FAILED,
        },
        tag="uploads",
    ),
    "delete": _operation("Throw an upload away", _UPLOAD, _RESUMABLE, answers={"204": _answer("Gone.")}, tag="uploads"),
}


_BODIES = (Problem, MoveTo, RestoreTo, NewHeaderIs, NewHeadersAre, NewListHeader, NewFolderReading)
"""What FastAPI does not find by itself."""


def _schema(said: type[BaseModel]) -> JsonObject:
    schema: JsonObject = said.model_json_schema(ref_template="#/components/schemas/{model}")
    schema.pop("$defs", None)
    return schema


def describe(rest: FastAPI) -> JsonObject:
    """Return the description of everything at `/api/v1`."""
    described: JsonObject = rest.openapi()
    for methods in described["paths"].values():
        for operation in methods.values():
            operation["responses"].pop("422", None)
            operation["responses"]["default"] = _FAILED
            operation.setdefault("tags", ["files"])
    described["paths"] |= {
        "/api/v1/content/{path}": _CONTENT,
        "/api/v1/uploads": _UPLOADS,
        "/api/v1/uploads/{upload}": _ONE_UPLOAD,
    }
    components: JsonObject = described.setdefault("components", {})
    schemas: JsonObject = components.setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    schemas |= {said.__name__: _schema(said) for said in _BODIES}
    components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    scopes: list[str] = []
    described["security"] = [{"token": scopes}]
    return described
