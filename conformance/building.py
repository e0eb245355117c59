"""Short words for definitions, shared by the files that list vectors."""

from semantics import evaluate

SALT = "0123456789abcdef0123456789abcdef"
NOW = "2026-11-22T20:49:31Z"


def environment(flags, segments=()):
    return {
        "id": "conformance", "salt": SALT, "position": "281474976710657",
        "flags": list(flags), "segments": list(segments),
    }


def boolean(key, rules=(), default=None, **more):
    """A flag with the variations `yes` and `no`; `no` is served when off and by default."""
    flag = {
        "key": key, "type": "boolean",
        "variations": [{"key": "yes", "value": True}, {"key": "no", "value": False}],
        "enabled": True, "off_variation": "no",
    }
    flag.update(more)
    if rules:
        flag["rules"] = list(rules)
    flag["default"] = default or serve("no")
    return flag


def rule(identifier, condition=None, then=None):
    written = {"id": identifier}
    if condition is not None:
        written["if"] = condition
    written["then"] = then or serve("yes")
    return written


def serve(variation):
    return {"variation": variation}


def rollout(*shares, **more):
    variations = [{"key": key, "weight": weight} for key, weight in shares]
    return {"rollout": {"variations": variations, **more}}


def test(attribute, operator, *value, **more):
    written = {} if attribute is None else {"attribute": attribute}
    written["operator"] = operator
    if value:
        written["value"] = value[0]
    return {**written, **more}


class Cases:
    """Collects cases and asks the semantics for what is expected."""

    def __init__(self, described, environment):
        self.vectors = {"description": described, "environment": environment, "cases": []}
        self.names = set()

    def add(self, name, flag, context, now=NOW):
        if name in self.names:
            raise ValueError(f"two cases are called {name}")
        self.names.add(name)
        expected = evaluate(self.vectors["environment"], flag, context, now)
        case = {"name": name, "flag": flag, "context": context, "now": now, "expected": expected}
        self.vectors["cases"].append(case)
