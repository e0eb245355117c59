"""Lets the generated requests meet things that are there.

Schemathesis makes up the keys in a path and the version in `If-Match`, so that nearly all it sends ends at 404 or
412, and what lies behind is never tested. Here whatever it generated as valid is replaced by what the server itself
has: every path parameter by the key of a thing in its collection, every version by the present one. What it generated
as invalid is sent as it is. Collections and versions are found through the document, so that new routes need nothing.

At the end the statuses that every operation answered are written to `FF_SCHEMATHESIS_STATUSES`.
"""

import atexit
import collections
import itertools
import json
import os
import random
import re
from urllib.parse import quote

import requests
import schemathesis
from schemathesis.core.parameters import ParameterLocation
from schemathesis.generation.meta import TestPhase
from schemathesis.openapi.checks import RejectedPositiveData

BASE = os.environ["FF_CONTROL_URL"]
PINNED = {"org": os.environ["FF_SCHEMATHESIS_ORG"], "project": os.environ["FF_SCHEMATHESIS_PROJECT"]}
LOGIN = {"email": os.environ["FF_DEMO_EMAIL"], "password": os.environ["FF_DEMO_PASSWORD"]}
#: What an item of a list says of itself when a step can be taken: the end of a path, and members of items.
READY = {
    "archive": {"archived": False},
    "decide": {"status": "stopped", "archived": False},
    "pause": {"status": "running"},
    "restore": {"archived": True},
    "resume": {"status": "paused"},
    "ship": {"status": "decided", "archived": False},
    "start": {"status": "draft", "archived": False},
    "stop": {"status": "running"},
}
#: A version; the generator sends some without their quotes, although the document has them.
TAG = re.compile('"?[0-9]+"?')
KEY = re.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
#: The version of what is not there yet.
NOTHING = '"0"'
#: The members of bodies that name other things, and the collections of those.
REFERENCES = {
    "environment": "environments",
    "flag": "flags",
    "holdouts": "layers",
    "layer": "layers",
    "metric": "metrics",
    "primary": "metrics",
    "project": "projects",
    "secondary": "metrics",
}
#: For how many requests a listing is good.
LISTING_USES = 20
#: The code of a body that is not of the shape that was asked for; all others are rules of the domain.
UNEXPECTED_BODY = "FF-1001"

random_ = random.Random(20261123)
numbers = itertools.count(1)
statuses = collections.defaultdict(collections.Counter)
listings = {}
seen = 0
session = requests.Session()


def get(path, **parameters):
    """What the owner reads, as of the last change; None if there is no such thing."""
    for _ in range(2):
        headers = {"FF-Min-Position": str(seen)} if seen else {}
        answer = session.get(BASE + path, params=parameters, headers=headers, timeout=20)
        if answer.status_code != 401:
            break
        made = requests.post(f"{BASE}/api/v1/sessions", json=LOGIN, timeout=20)
        made.raise_for_status()
        session.headers["Authorization"] = f"Bearer {made.json()['access_token']}"
    return answer if answer.ok else None


def filled(template, values):
    for name, value in values.items():
        template = template.replace("{%s}" % name, quote(value, safe=""))
    return template


def listing(paths, template, values):
    """The items of a collection: its own list, a member of the thing it is part of, or a list further up."""
    word = template.rsplit("/", 1)[1]
    parent = template
    while "/" in parent:
        parent = parent.rsplit("/", 1)[0]
        own = paths.get(f"{parent}/{word}", {}).get("get")
        if own is not None:
            known = {parameter.get("name") for parameter in own.get("parameters", [])}
            wanted = {"state": "all", "limit": 200}
            query = {name: value for name, value in wanted.items() if name in known}
            answer = get(filled(f"{parent}/{word}", values), **query)
            items = answer.json().get("items") if answer is not None else None
        elif "get" in paths.get(parent, {}):
            answer = get(filled(parent, values))
            items = answer.json().get(word) if answer is not None else None
        else:
            continue
        if isinstance(items, list):
            return items
    return []


def existing(paths, template, name, values, step=None):
    """The key of one of the things in a collection; mostly one that is ready for the step that is asked of it."""
    if name in PINNED:
        return PINNED[name]
    place = filled(template, values)
    uses, items = listings.get(place, (0, []))
    if uses == 0 or not items:
        uses, items = LISTING_USES, listing(paths, template, values)
    listings[place] = (uses - 1, items)
    ready = [item for item in items if all(item.get(member) == value for member, value in READY.get(step, {}).items())]
    if ready and random_.random() < 0.8:
        items = ready
    keys = [item.get(name) or item.get("key") or item.get("id") for item in items]
    keys = [key for key in keys if isinstance(key, str)]
    return random_.choice(keys) if keys else None


def version(paths, template, values):
    """The version of the thing that a path is about: of the nearest that has one, 0 of what is to be made."""
    if any(other.startswith(f"{template}/{{") and "get" in paths[other] for other in paths):
        return NOTHING
    while template:
        if "get" in paths.get(template, {}):
            answer = get(filled(template, values))
            if answer is not None and "ETag" in answer.headers:
                return answer.headers["ETag"]
        template = template.rsplit("/", 1)[0]
    return None


def unique(text):
    """The same text with another end. The generator says things twice, and what is there already hides the rest."""
    number = str(next(numbers))
    return (text[: -len(number)] or text) + number


def linked(case, container):
    """The names of what a link has given: it is to be used as it is."""
    stateful = case.meta is not None and case.meta.phase.name == TestPhase.STATEFUL
    given = getattr(case._override, container, None) if stateful and case._override else None
    return {name.lower() for name in given or {}}


def meet(paths, template, values, body):
    """Replaces the keys that a body names other things by."""
    for name, value in body.items() if isinstance(body, dict) else []:
        collection = REFERENCES.get(name)
        if collection and isinstance(value, str):
            body[name] = existing(paths, f"{template}/{collection}", None, values) or value
        elif collection and isinstance(value, list):
            found = {existing(paths, f"{template}/{collection}", None, values) for _ in value}
            body[name] = sorted(found - {None})
        else:
            meet(paths, template, values, value)


@schemathesis.hook
def before_call(context, case, kwargs):
    paths = case.operation.schema.raw_schema["paths"]

    def invalid(location):
        return case.meta is not None and case.meta.generation.mode.is_negative and case.meta.is_negative_at(location)

    values = {name: str(value) for name, value in (case.path_parameters or {}).items()}
    if values and not invalid(ParameterLocation.PATH):
        kept, template, step = linked(case, "path_parameters"), "", case.path.rsplit("/", 1)[1]
        for part in case.path.split("/")[1:]:
            name = part[1:-1] if part.startswith("{") else None
            if name in values and name.lower() not in kept:
                values[name] = existing(paths, template, name, values, step) or values[name]
            template += "/" + part
        case.path_parameters.update(values)
    if case.query and not invalid(ParameterLocation.QUERY):
        if "as_of" in case.query:
            case.query["as_of"] = str(seen)
        pair = {"project", "environment"}
        if pair & set(case.query) and pair <= {parameter.name for parameter in case.operation.query}:
            # An environment is named with its project, and some lists take a project with an environment only.
            case.query.setdefault("project", PINNED["project"])
            case.query.setdefault("environment", "production")
    kept = linked(case, "headers")
    optional = case.method.upper() == "POST" and not invalid(ParameterLocation.HEADER)
    if optional and case.headers and "If-Match" in case.headers and random_.random() < 0.5:
        # Then a command is done that a wrong guess of its version would refuse.
        del case.headers["If-Match"]
    if case.headers and "If-Match" in case.headers and "if-match" not in kept:
        # Also where another header is what is wrong, so that it is that one that is refused.
        if not invalid(ParameterLocation.HEADER) or TAG.fullmatch(str(case.headers["If-Match"])):
            case.headers["If-Match"] = version(paths, case.path, values) or NOTHING
    if case.headers and not invalid(ParameterLocation.HEADER):
        if "FF-Min-Position" in case.headers and "ff-min-position" not in kept:
            case.headers["FF-Min-Position"] = str(seen)
        if "Idempotency-Key" in case.headers:
            case.headers["Idempotency-Key"] = unique(case.headers["Idempotency-Key"])
    if isinstance(case.body, dict) and case.method.upper() == "POST" and random_.random() < 0.9:
        key = case.body.get("key")
        if isinstance(key, str) and KEY.fullmatch(key):
            case.body["key"] = unique(key)
    if isinstance(case.body, dict) and not invalid(ParameterLocation.BODY):
        meet(paths, case.path, values, case.body)
        if isinstance(case.body.get("expires_at"), str) and random_.random() < 0.5:
            # The generator knows no future.
            case.body["expires_at"] = "2100-01-01T00:00:00Z"
        if {"email", "password"} == set(case.body) and random_.random() < 0.8:
            case.body.update(LOGIN)


@schemathesis.hook
def after_call(context, case, response):
    global seen
    operation = case.operation.definition.raw.get("operationId", case.operation.label)
    if response.request.method == case.operation.method.upper():
        statuses[operation][response.status_code] += 1
    if response.status_code < 300 and response.request.method != "GET":
        listings.clear()
    for position in response.headers.get("ff-position", []):
        seen = max(seen, int(position))


@schemathesis.hook
def filter_failure(context, failure, case, response):
    """Lets those refusals of a valid request pass that no schema can foretell."""
    if not isinstance(failure, RejectedPositiveData):
        return True
    problem = response.json()
    places = {error["pointer"] for error in problem.get("errors", [])}
    # Rules between fields, and between the request and what is there; the shape itself is FF-1001.
    if response.status_code == 422 and problem["code"] != UNEXPECTED_BODY:
        return False
    # A POST may be about something else than what its path ends with, and whose version it means is for people to
    # read. PUT, PATCH and DELETE change what their path names, and have to take its version.
    if response.status_code == 412 and case.method.upper() == "POST":
        return False
    # JSON Schema counts 2.0 as an integer; whole numbers are to be written as such here.
    if any(error["detail"].startswith("invalid type: floating point") for error in problem.get("errors", [])):
        return False
    # A cursor is handed out by the page before, and says nothing to callers.
    # That percent-encoded bytes are UTF-8 is beyond a pattern.
    return not places or not places <= {"?cursor", "FF-Comment:"}


@atexit.register
def write_statuses():
    target = os.environ.get("FF_SCHEMATHESIS_STATUSES")
    if target:
        with open(target, "w", encoding="utf-8") as file:
            json.dump(statuses, file, indent=1, sort_keys=True)
