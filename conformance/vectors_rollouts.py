"""Bucket numbers, and what rollouts make of them."""

from building import SALT, Cases, boolean, environment, rollout, rule, serve, test
from semantics import bucket


def buckets():
    salts = [SALT, "ffffffffffffffffffffffffffffffff", ""]
    flags = ["new-checkout", "a", "A-very.long_flag-key" * 4]
    users = ["user-1", "user-2", "42", "0", "a", "Ünïcødé", "日本語", "🙂", " ", "x" * 200, "user@example.com"]
    cases = [
        {"salt": salt, "flag": flag, "userKey": user, "bucket": bucket(salt, flag, user)}
        for salt in salts for flag in flags for user in users
    ]
    # The texts are joined without a separator, so these three are the same.
    cases += [{"salt": s, "flag": f, "userKey": u, "bucket": bucket(s, f, u)}
              for s, f, u in (("abc", "def", "ghi"), ("a", "bcdef", "ghi"), ("", "", "abcdefghi"))]
    return {"description": "SHA-256 of salt, flag key and user key in a row, modulo 10,000.", "cases": cases}


def variations(*keys):
    return [{"key": key, "value": key} for key in keys]


def rollouts():
    thirds = rollout(("a", 33.333), ("b", 33.333), ("c", 33.334))
    tiny = rollout(("a", 0.001), ("b", 0.01), ("c", 99.989))
    flags = [
        boolean("half", default=rollout(("yes", 50), ("no", 50))),
        boolean("one", default=rollout(("yes", 1), ("no", 99))),
        boolean("two", default=rollout(("yes", 2), ("no", 98))),
        boolean("all", default=rollout(("yes", 100))),
        boolean("nobody", default=rollout(("yes", 0), ("no", 100))),
        boolean("half-salted", default=rollout(("yes", 50), ("no", 50)), salt="another"),
        boolean("by-company", default=rollout(("yes", 50), ("no", 50), bucket_by="/company/id")),
        boolean("by-user-id", default=rollout(("yes", 50), ("no", 50), bucket_by="user_id", hash="sha256-10000")),
        boolean("thirds", default=thirds, type="string", variations=variations("a", "b", "c"), off_variation="a"),
        boolean("tiny", default=tiny, type="string", variations=variations("a", "b", "c"), off_variation="a"),
        boolean("reversed", default=rollout(("no", 30), ("yes", 70))),
        boolean("in-rule", [rule("beta", test("beta", "eq", True), rollout(("yes", 20), ("no", 80)))]),
        boolean("pinned", targets=[{"variation": "yes", "keys": ["user-1"]}], default=rollout(("no", 100))),
        boolean("broken", default=rollout(("yes", 50), ("no", 40))),
    ]
    cases = Cases("Percentage rollouts: who gets what, by which value.", environment(flags))
    for flag in ("half", "one", "two", "thirds", "tiny", "half-salted", "reversed"):
        for number in range(40):
            cases.add(f"{flag}, user {number}", flag, {"targetingKey": f"user-{number}"})
    # Users whose buckets lie next to a boundary, found by trying.
    for flag, boundaries in (("half", (4999, 5000)), ("one", (99, 100)), ("thirds", (3332, 3333, 6665, 6666)),
                             ("tiny", (0, 1)), ("reversed", (0, 2999, 3000, 9999))):
        for boundary in boundaries:
            user = next(n for n in range(10**6) if bucket(SALT, flag, f"u{n}") == boundary)
            cases.add(f"{flag}, bucket {boundary}", flag, {"targetingKey": f"u{user}"})
    for flag in ("all", "nobody", "half", "in-rule", "pinned", "broken", "by-user-id"):
        cases.add(f"{flag}, no targeting key", flag, {"beta": True})
        cases.add(f"{flag}, empty targeting key", flag, {"targetingKey": "", "beta": True})
        cases.add(f"{flag}, user 1 in the beta", flag, {"targetingKey": "user-1", "beta": True})
    cases.add("in-rule, the rule does not hold and needs no key", "in-rule", {"beta": False})
    keys = ["c-1", "", 42, 42.0, -7, 1.5, 9007199254740993, 18446744073709551615, 1e300, True, None, ["c-1"], {"id": 1}]
    for number, key in enumerate(keys):
        company = {"company": {"id": key}}
        cases.add(f"by-company, value {number}", "by-company", {"targetingKey": "user-1", **company})
    cases.add("by-company, no company", "by-company", {"targetingKey": "user-1"})
    cases.add("by-user-id, only a targeting key", "by-user-id", {"targetingKey": "user-1"})
    cases.add("by-user-id, only a user key", "by-user-id", {"user_key": "user-1"})
    cases.add("by-user-id, both", "by-user-id", {"targetingKey": "user-1", "user_id": "user-2"})
    cases.add("half, by user id alone", "half", {"user_id": 42})
    cases.add("half, the user key goes before the user id", "half", {"user_id": "a", "user_key": "b"})
    cases.add("half, an unusable user key is passed over", "half", {"user_id": "a", "user_key": True})
    return cases.vectors
