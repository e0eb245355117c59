"""Experiments: who takes part, and in which arm."""

from building import SALT, Cases, boolean, environment, rollout, rule, serve, test
from semantics import bucket, evaluate

US = test("country", "eq", "US")
HALVES = (("control", 50), ("treatment", 50))


def flag(key, experiment, **more):
    """Who takes no part gets `rest`, by default and when off."""
    variations = [{"key": name, "value": name} for name in ("control", "treatment", "rest")]
    base = {"type": "string", "variations": variations, "off_variation": "rest", "default": serve("rest")}
    return boolean(key, **{**base, **more}, experiment=experiment)


def experiment(key, *slices, shares=HALVES, audience=None, bucket_by=None, iteration=1, **more):
    written = {"key": key, "rule": f"{key}:{iteration}"}
    if audience is not None:
        written["if"] = audience
    if slices:
        written["slices"] = list(slices)
    unit = {} if bucket_by is None else {"bucket_by": bucket_by}
    return {**written, "split": rollout(*shares, **unit)["rollout"], **more}


def part(seed, *ranges):
    return {"seed": seed, "ranges": [list(span) for span in ranges]}


def experiments():
    company = "/company/id"
    beta = {"key": "beta", "included": ["user-3"], "rules": [US]}
    everyone = experiment("everyone")
    in_layer = {
        "layer-low": part("layer:checkout", (500, 4000)),
        "layer-high": part("layer:checkout", (4000, 9000)),
        "layer-gaps": part("layer:checkout", (9000, 9300), (9999, 10000), (9500, 9900)),
    }
    layered = [flag(key, experiment(key, span)) for key, span in in_layer.items()]
    third = experiment("thirds", shares=(("control", 33.333), ("treatment", 33.333), ("rest", 33.334)))
    flags = [
        boolean("base", [rule("us", US)]),
        flag("everyone", everyone),
        flag("off", everyone, enabled=False),
        flag("required", everyone, prerequisites=[{"flag": "base", "variations": ["yes"]}]),
        flag("pinned", everyone, targets=[{"variation": "rest", "keys": ["user-1"]}]),
        flag("before-rules", experiment("before-rules", audience=US), rules=[rule("all", None, serve("control"))]),
        flag("then-rollout", experiment("then-rollout", part("traffic:then-rollout", (0, 2000))),
             default=rollout(("rest", 70), ("control", 30))),
        flag("traffic", experiment("traffic", part("traffic:traffic", (0, 3000)))),
        flag("nobody", experiment("nobody", part("traffic:nobody"))),
        *layered,
        flag("held-out", experiment("held-out", part("layer:company", (1000, 10000)),
                                    part("traffic:held-out", (0, 5000)))),
        flag("thirds", third),
        flag("zero-weight", experiment("zero-weight", shares=(("control", 0), ("treatment", 100)))),
        flag("iterated", experiment("iterated", part("traffic:iterated", (0, 9000)), iteration=7, salt="7")),
        flag("flag-salt", experiment("flag-salt", part("traffic:flag-salt", (0, 8000))), salt="another"),
        flag("both-salts", experiment("both-salts", part("traffic:both-salts", (0, 8000)), salt="third"),
             salt="another"),
        flag("by-company", experiment("by-company", part("traffic:by-company", (0, 6000)), bucket_by=company)),
        flag("in-segment", experiment("in-segment", audience=test(None, "in_segment", "beta"))),
        flag("asks-flag", experiment("asks-flag", audience=test("everyone", "flag_is", ["treatment"]))),
        flag("no-segment", experiment("no-segment", audience=test(None, "in_segment", "nothing"))),
        boolean("asked", [rule("treated", test("everyone", "flag_is", "treatment"))]),
        flag("broken-weights", experiment("e", shares=(("control", 50), ("treatment", 40)))),
        flag("broken-arm", experiment("e", shares=(("control", 50), ("nothing", 50)))),
        flag("broken-range", experiment("e", part("traffic:e", (0, 100), (200, 200)))),
        flag("broken-backwards", experiment("e", part("traffic:e", (200, 100)))),
        flag("broken-beyond", experiment("e", part("traffic:e", (0, 10001)))),
        flag("broken-seed", experiment("e", part("", (0, 10000)))),
        flag("broken-key", {**experiment("e"), "key": ""}),
        flag("broken-rule", {**experiment("e"), "rule": ""}),
        flag("most-slices", experiment("e", *(part(f"layer:{n}", (0, 10000)) for n in range(32)))),
        flag("too-many-slices", experiment("e", *(part(f"layer:{n}", (0, 10000)) for n in range(33)))),
        flag("broken-while-off", experiment("e", shares=(("control", 50), ("nothing", 50))), enabled=False),
    ]
    cases = Cases("Experiments: who takes part, and in which arm.", environment(flags, [beta]))
    many = ("everyone", "then-rollout", "traffic", *in_layer, "held-out", "thirds", "iterated", "flag-salt",
            "both-salts")
    for key in many:
        for number in range(40):
            cases.add(f"{key}, user {number}", key, {"targetingKey": f"user-{number}"})
    for described in flags:
        key = described["key"]
        for name, context in (
            ("nobody", {}), ("empty key", {"targetingKey": "", "country": "US"}),
            ("user-1 in the US", {"targetingKey": "user-1", "country": "US"}),
            ("user-2 elsewhere", {"user_id": "user-2", "country": "DE"}),
            ("user-3", {"user_key": "user-3"}), ("number", {"targetingKey": 42, "country": "US"}),
        ):
            cases.add(f"{key}, {name}", key, context)
    # Users whose buckets lie next to a boundary, found by trying.
    for key, seed, boundaries in (
        ("traffic", "traffic:traffic", (0, 2999, 3000, 9999)),
        ("layer-low", "layer:checkout", (499, 500, 3999, 4000)),
        ("layer-high", "layer:checkout", (3999, 4000, 8999, 9000)),
        ("layer-gaps", "layer:checkout", (8999, 9000, 9299, 9300, 9499, 9500, 9899, 9900, 9998, 9999)),
        ("held-out", "layer:company", (999, 1000)), ("everyone", "everyone", (0, 4999, 5000, 9999)),
    ):
        for boundary in boundaries:
            user = next(n for n in range(10**6) if bucket(SALT, seed, f"u{n}") == boundary)
            cases.add(f"{key}, bucket {boundary}", key, {"targetingKey": f"u{user}"})
    keys = [*(f"c-{n}" for n in range(12)), "", 42, 42.0, 1.5, 2**53 + 1, True, None, ["c-1"], {"id": 1}]
    for number, key in enumerate(keys):
        cases.add(f"by-company, value {number}", "by-company", {"targetingKey": "user-1", "company": {"id": key}})
    check_exclusive(cases.vectors["environment"], in_layer)
    return cases.vectors


def check_exclusive(described, keys):
    """The vectors must show it, so it is made sure here: no user is in two experiments of one layer."""
    for number in range(2000):
        answers = (evaluate(described, key, {"targetingKey": f"u{number}"}, "2026-11-22T20:49:31Z") for key in keys)
        if sum("experiment" in answer for answer in answers) > 1:
            raise ValueError(f"u{number} is in two experiments of one layer")
