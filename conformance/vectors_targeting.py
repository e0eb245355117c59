"""The order of evaluation, conditions, references between flags and segments, values, and contexts."""

from building import Cases, boolean, environment, rollout, rule, serve, test

US = test("country", "eq", "US")
PRO = test("plan", "eq", "pro")


def targeting():
    pinned = [{"variation": "yes", "keys": ["user-1", "user-2"]}, {"variation": "no", "keys": ["user-2", "user-3"]}]
    beta = {"and": [test("user_id", "in", ["user1", "user2"]), US]}
    flags = [
        boolean("static", default=serve("yes")),
        boolean("off", default=serve("yes"), enabled=False),
        boolean("off-with-everything", [rule("all")], enabled=False, targets=pinned, off_variation="yes"),
        boolean("pinned", targets=pinned),
        boolean("pinned-and-ruled", [rule("everyone", None, serve("no"))], targets=pinned),
        boolean("first-rule-wins", [rule("us", US), rule("pro", PRO, serve("no")), rule("us-again", US, serve("no"))],
                default=serve("yes")),
        boolean("no-id", [{"then": serve("yes")}]),
        boolean("always", [rule("always")]),
        boolean("unmatched", [rule("us", US)]),
        boolean("beta", [rule("beta", beta, rollout(("yes", 50), ("no", 50)))]),
        boolean("and-nothing", [rule("r", {"and": []})]),
        boolean("or-nothing", [rule("r", {"or": []})]),
        boolean("or", [rule("r", {"or": [US, PRO]})]),
        boolean("and", [rule("r", {"and": [US, PRO]})]),
        boolean("not", [rule("r", {"not": US})]),
        boolean("nested", [rule("r", {"and": [{"or": [US, {"not": PRO}]}, {"not": {"and": [US, PRO]}}]})]),
        boolean("not-neq", [rule("r", {"not": test("country", "neq", "US")})]),
        boolean("deep", [rule("r", deep(32))]),
        boolean("unknown-variation", default=serve("maybe")),
        boolean("unknown-off-variation", off_variation="maybe"),
        boolean("pointer", [rule("zip", test("/address/zip", "starts_with", "10"))]),
        boolean("pointer-into-list", [rule("first", test("/roles/0", "eq", "admin"))]),
        boolean("pointer-escaped", [rule("odd", test("/a~1b/m~0n", "eq", 1))]),
        boolean("name-with-slash", [rule("odd", test("a/b", "exists"))]),
    ]
    cases = Cases("The order of evaluation, rules and nested conditions.", environment(flags))
    contexts = [
        ("nobody", {}), ("user-1", {"targetingKey": "user-1"}), ("user-2 by id", {"user_id": "user-2"}),
        ("user-3", {"targetingKey": "user-3", "country": "US"}), ("pro", {"targetingKey": "u", "plan": "pro"}),
        ("us", {"targetingKey": "u", "country": "US"}), ("both", {"user_key": "user1", "country": "US", "plan": "pro"}),
        ("null country", {"country": None, "plan": "free"}),
    ]
    for flag in flags:
        for name, context in contexts:
            if not flag["key"].startswith(("pointer", "name")):
                cases.add(f"{flag['key']}, {name}", flag["key"], context)
    cases.add("an unknown flag", "no-such-flag", {})
    cases.add("an unknown flag by another case", "STATIC", {})
    odd = [
        {}, {"address": {"zip": "10115"}}, {"address": {"zip": "20115"}}, {"address": "10115"}, {"address": {"zip": None}},
        {"address": {"zip": 10115}}, {"roles": ["admin"]}, {"roles": ["dev", "admin"]}, {"roles": []},
        {"roles": {"0": "admin"}}, {"a/b": {"m~n": 1.0}}, {"a/b": {"m~n": 2}}, {"a/b": None}, {"a": {"b": 1}},
    ]
    for flag in ("pointer", "pointer-into-list", "pointer-escaped", "name-with-slash"):
        for number, context in enumerate(odd):
            cases.add(f"{flag}, {number}", flag, context)
    return cases.vectors


def deep(depth):
    condition = US
    for level in range(depth - 1):
        condition = [{"and": [condition]}, {"or": [condition]}, {"not": condition}][level % 3]
    return condition


def requires(key, *variations):
    return {"flag": key, "variations": list(variations)}


def references():
    chain = [
        boolean(f"chain-{n}", prerequisites=[requires(f"chain-{n + 1}", "yes")], default=serve("yes")) for n in range(20)
    ]
    doubled = [
        boolean(f"doubled-{n}", default=serve("yes"),
                prerequisites=[requires(f"doubled-{n + 1}", "yes"), requires(f"doubled-{n + 1}", "yes")])
        for n in range(15)
    ]
    flags = [
        boolean("base", [rule("us", US)]),
        boolean("base-off", enabled=False),
        boolean("base-split", default=rollout(("yes", 50), ("no", 50))),
        boolean("base-broken", default=serve("maybe")),
        boolean("needs-base", [rule("all")], prerequisites=[requires("base", "yes")]),
        boolean("needs-base-no", default=serve("yes"), prerequisites=[requires("base", "no")]),
        boolean("needs-either", default=serve("yes"), prerequisites=[requires("base", "yes", "no")]),
        boolean("needs-off", default=serve("yes"), prerequisites=[requires("base-off", "no")]),
        boolean("needs-two", default=serve("yes"), prerequisites=[requires("base", "yes"), requires("base-split", "yes")]),
        boolean("needs-split", default=serve("yes"), prerequisites=[requires("base-split", "yes", "no")]),
        boolean("needs-missing", default=serve("yes"), prerequisites=[requires("gone", "yes")]),
        boolean("needs-broken", default=serve("yes"), prerequisites=[requires("base-broken", "yes")]),
        boolean("needs-missing-but-off", enabled=False, prerequisites=[requires("gone", "yes")]),
        boolean("needs-in-order", default=serve("yes"), prerequisites=[requires("base", "yes"), requires("gone", "yes")]),
        boolean("needs-pinned", default=serve("yes"), prerequisites=[requires("base", "yes")],
                targets=[{"variation": "yes", "keys": ["pinned"]}]),
        boolean("circle", default=serve("yes"), prerequisites=[requires("circle", "yes")]),
        boolean("circle-a", [rule("r", test("circle-b", "flag_is", "yes"))]),
        boolean("circle-b", [rule("r", test("circle-a", "flag_is", "yes"))]),
        boolean("is-base", [rule("r", test("base", "flag_is", "yes"))]),
        boolean("is-base-list", [rule("r", test("base", "flag_is", ["no", "maybe"]))]),
        boolean("is-not-base", [rule("r", {"not": test("base", "flag_is", "yes")})]),
        boolean("is-missing", [rule("r", {"not": test("gone", "flag_is", "yes")})]),
        boolean("is-missing-unreached", [rule("r", {"or": [US, test("gone", "flag_is", "yes")]})]),
        boolean("is-split", [rule("r", test("base-split", "flag_is", "yes"))]),
        boolean("in-staff", [rule("r", test(None, "in_segment", "staff"))]),
        boolean("in-any", [rule("r", test(None, "in_segment", ["nobody", "staff"]))]),
        boolean("not-in-staff", [rule("r", test(None, "not_in_segment", "staff"))]),
        boolean("not-in-any", [rule("r", test(None, "not_in_segment", ["nobody", "staff"]))]),
        boolean("in-nested", [rule("r", test(None, "in_segment", "nested"))]),
        boolean("in-by-flag", [rule("r", test(None, "in_segment", "by-flag"))]),
        boolean("in-everyone", [rule("r", test(None, "in_segment", "everyone"))]),
        boolean("in-missing", [rule("r", test(None, "not_in_segment", "gone"))]),
        boolean("in-circle", [rule("r", {"not": test(None, "in_segment", "circle")})]),
        boolean("error-before-match", [rule("bad", test("gone", "flag_is", "yes")), rule("all")]),
        *chain, boolean("chain-20", default=serve("yes")),
        *doubled, boolean("doubled-15", default=serve("yes")),
    ]
    segments = [
        {"key": "staff", "included": ["in", "both", "42"], "excluded": ["out", "both"],
         "rules": [test("email", "ends_with", "@example.com"), {"and": [US, PRO]}]},
        {"key": "nobody"},
        {"key": "everyone", "rules": [{"and": []}]},
        {"key": "nested", "excluded": ["in"], "rules": [test(None, "in_segment", ["staff"])]},
        {"key": "by-flag", "rules": [test("base", "flag_is", "yes")]},
        {"key": "circle", "rules": [test(None, "in_segment", "circle")]},
    ]
    cases = Cases("Prerequisites, flags asked by rules, and segments.", environment(flags, segments))
    contexts = [
        ("nobody", {}), ("us", {"targetingKey": "u", "country": "US"}), ("pinned", {"targetingKey": "pinned"}),
        ("in", {"targetingKey": "in"}), ("out", {"targetingKey": "out", "email": "me@example.com"}),
        ("both", {"targetingKey": "both"}), ("by number", {"user_id": 42}),
        ("by rule", {"targetingKey": "u", "email": "me@example.com"}),
        ("by second rule", {"country": "US", "plan": "pro"}),
    ]
    for flag in flags:
        if not flag["key"].startswith(("chain-", "doubled-")):
            for name, context in contexts:
                cases.add(f"{flag['key']}, {name}", flag["key"], context)
    for number in (0, 3, 4, 5, 19, 20):
        cases.add(f"a chain of {20 - number}", f"chain-{number}", {})
    for number in (0, 6, 7, 8, 14):
        cases.add(f"two references each, {15 - number} deep", f"doubled-{number}", {})
    return cases.vectors


def values():
    def flag(key, kind, *of):
        variations = [{"key": f"v{n}", "value": value} for n, value in enumerate(of)]
        rules = [rule(f"r{n}", test("want", "eq", n), serve(f"v{n}")) for n in range(len(of))]
        return {"key": key, "type": kind, "variations": variations, "enabled": True, "off_variation": "v0",
                "rules": rules, "default": serve("v0")}

    flags = [
        flag("boolean", "boolean", True, False),
        flag("string", "string", "a", "", "ünï", "1"),
        flag("integer", "number", 1, -2, 0, 9007199254740993, 18446744073709551615),
        flag("integer-as-float", "number", 1.0, 2, -3.0),
        flag("float", "number", 1, 2.5, -3.0, 0),
        flag("json", "json", {"a": [1, 1.5, None, {"b": True}]}, [], {}, [1.0, "x"]),
    ]
    cases = Cases("What is served of every type; floats of a flag stay floats.", environment(flags))
    for one in flags:
        for number in range(len(one["variations"])):
            cases.add(f"{one['key']}, variation {number}", one["key"], {"want": number})
    return cases.vectors


def contexts():
    is_user = [rule("user", test("user_id", "eq", "u-1"))]
    flags = [
        boolean("half", default=rollout(("yes", 50), ("no", 50))),
        boolean("user-id", is_user),
        boolean("user-key", [rule("user", test("user_key", "eq", "u-1"))]),
        boolean("targeting-key", [rule("user", test("targetingKey", "eq", "u-1"))]),
        boolean("pointer-user", [rule("user", test("/user_id", "eq", "u-1"))]),
        boolean("numeric", [rule("user", test("user_id", "eq", 42))]),
        boolean("has-user", [rule("user", test("user_key", "exists"))]),
        boolean("pinned", targets=[{"variation": "yes", "keys": ["42", "u-1"]}]),
    ]
    cases = Cases("What a context may be, and who asks.", environment(flags))
    given = [
        ("nothing", {}), ("a targeting key", {"targetingKey": "u-1"}), ("a user key", {"user_key": "u-1"}),
        ("a user id", {"user_id": "u-1"}), ("a numeric id", {"user_id": 42}), ("a float id", {"user_id": 42.0}),
        ("key and id differ", {"targetingKey": "u-1", "user_id": "u-2"}),
        ("user key and id differ", {"user_key": "u-1", "user_id": "u-2"}),
        ("null key", {"targetingKey": None, "user_id": "u-1"}), ("a boolean id", {"user_id": True}),
        ("an empty key and an id", {"targetingKey": "", "user_id": "u-1"}),
        ("a list", []), ("a text", "u-1"), ("a boolean as targeting key", {"targetingKey": True}),
        ("a list as targeting key", {"targetingKey": ["u-1"]}), ("a fraction as targeting key", {"targetingKey": 1.5}),
        ("an integer as targeting key", {"targetingKey": 42}),
    ]
    for flag in flags:
        for name, context in given:
            cases.add(f"{flag['key']}, {name}", flag["key"], context)
    return cases.vectors
