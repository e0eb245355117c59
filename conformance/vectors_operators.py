"""Every operator, on every type of value, and on a missing one."""

from building import Cases, boolean, environment, rule, test

# What an attribute can be, whatever is asked of it.
ANYTHING = [
    ("missing", None), ("a text", "pro"), ("the empty text", ""), ("an integer", 7), ("a float", 7.5),
    ("true", True), ("false", False), ("a list", ["pro", 7]), ("the empty list", []), ("an object", {"a": 1}),
]

# Operator, value of the rule, more of the rule, and attribute values of interest beside ANYTHING.
TABLE = [
    ("eq", "pro", {}, ["Pro", "pro "]),
    ("eq", 7, {}, [7.0, "7", 8, -7]),
    ("eq", 7.5, {}, [7.500, "7.5"]),
    ("eq", 9007199254740993, {}, [9007199254740993, 9007199254740992]),
    ("eq", True, {}, [1, "true"]),
    ("eq", False, {}, [0, "false"]),
    ("eq", ["pro", 7], {}, [["pro", 7.0], [7, "pro"], ["pro"]]),
    ("eq", {"a": 1, "b": [2]}, {}, [{"b": [2.0], "a": 1}, {"a": 1}, {"a": 1, "b": [3]}]),
    ("eq", "ÄRGER", {"ignore_case": True}, ["ärger", "Ärger", "arger"]),
    ("neq", "pro", {}, ["Pro"]),
    ("neq", 7, {}, [7.0, "7"]),
    ("neq", "PRO", {"ignore_case": True}, ["pRo", "free"]),
    ("in", ["pro", "team", 7, True], {}, ["team", 7.0, 8, "7"]),
    ("in", [f"user-{n}" for n in range(1, 13)], {}, ["user-1", "user-12", "user-13", "USER-1"]),
    ("in", list(range(0, 24, 2)), {}, [22, 22.0, 23, 22.5, "22"]),
    ("in", ["Pro", "TEAM", "straße"], {"ignore_case": True}, ["team", "STRAßE", "STRASSE"]),
    ("in", [["pro", 7], {"a": 1.0}], {}, [["pro"]]),
    ("not_in", ["pro", "team"], {}, ["free", "Pro"]),
    ("not_in", ["PRO"], {"ignore_case": True}, ["pRO", "free"]),
    ("not_in", [7], {}, [7.0, "7"]),
    ("contains", "ro", {}, ["rope", "Ro", "r o"]),
    ("contains", ["xyz", "ro"], {}, ["xyz", "xy"]),
    ("contains", "", {}, []),
    ("contains", "@EXAMPLE.", {"ignore_case": True}, ["Me@example.com", "me@exampl.com", "x" * 300 + "@Example.x"]),
    ("contains", "ÉCOLE", {"ignore_case": True}, ["l'école", "ecole"]),
    ("starts_with", "pr", {}, ["Pro", "a pro"]),
    ("starts_with", ["b", "pro"], {}, ["beta"]),
    ("starts_with", "ÄR", {"ignore_case": True}, ["ärger", "ä", "aerger"]),
    ("ends_with", "ro", {}, ["proRo", "o"]),
    ("ends_with", [".com", ".org"], {}, ["a.org", "a.net"]),
    ("ends_with", ".COM", {"ignore_case": True}, ["a.com", "com"]),
    ("ends_with", "Σ", {"ignore_case": True}, ["οσ", "ΟΣ"]),
    ("matches", "^p.o$", {}, ["pxo", "apro", "PRO"]),
    ("matches", ["^\\d+$", "r[a-o]"], {}, ["123", "rz"]),
    ("matches", "^PRO$", {"ignore_case": True}, ["pRo", "prop"]),
    ("matches", "o", {}, ["an o", "none"]),
    ("gt", 7, {}, [8, 7.0, 7.0001, -8, "8"]),
    ("gte", 7.5, {}, [7, 8, 7.49999]),
    ("lt", 7, {}, [6, 6.9999, -1, 0]),
    ("lte", 7, {}, [7.0, 7.0001, -7]),
    ("gt", 9007199254740992, {}, [9007199254740993, 9007199254740991]),
    ("lt", 1e300, {}, [18446744073709551615, 1e301, -1e301]),
    ("before", "2026-01-31T09:00:00Z", {}, [
        "2026-01-31T08:59:59.999Z", "2026-01-31T09:00:00Z", "2026-01-31T09:30:00+01:00", "2026-01-31T10:00:00+01:00",
        "2026-01-31", "2026-01-31T08:00:00", "2026-02-30T00:00:00Z", "2026-01-31t08:00:00z", "2026-01-31 08:00:00Z",
        "2026-01-31T08:00Z", "2026-01-31T08:00:60Z", 1769846400,
    ]),
    ("before", "2026-01-31T10:00:00.5+01:00", {}, [
        "2026-01-31T09:00:00.499999999Z", "2026-01-31T09:00:00.5Z", "2026-01-31T09:00:00.4999999999999Z",
    ]),
    ("before", "-P7D", {}, ["2026-11-15T20:49:30Z", "2026-11-15T20:49:31Z", "2026-11-15T20:49:32Z"]),
    ("after", "2026-01-31T09:00:00Z", {}, ["2026-01-31T09:00:00.000000001Z", "2026-01-31T09:00:00Z", "not an instant"]),
    ("after", "-PT36H", {}, ["2026-11-21T08:49:31Z", "2026-11-21T08:49:32Z"]),
    ("after", "P1DT1H", {}, ["2026-11-23T21:49:31Z", "2026-11-23T21:49:32Z"]),
    ("before", "+P2W", {}, ["2026-12-06T20:49:30Z", "2026-12-06T20:49:31Z"]),
    ("semver_eq", "1.4.0", {}, ["1.4.0", "1.4.0+build.5", "1.4.0-rc.1", "1.4", "v1.4.0", "01.4.0", "1.4.1"]),
    ("semver_eq", "1.4.0-rc.1", {}, ["1.4.0-rc.1", "1.4.0-rc.01", "1.4.0"]),
    ("semver_gt", "1.4.0", {}, ["1.4.0", "1.4.1", "1.10.0", "1.3.99", "1.4.1-alpha", "1.4.0-zeta", "2.0.0"]),
    ("semver_gt", "1.0.0-alpha.2", {}, [
        "1.0.0-alpha.10", "1.0.0-alpha.1", "1.0.0-alpha", "1.0.0-alpha.beta", "1.0.0-1", "1.0.0-beta",
    ]),
    ("semver_gte", "1.4.0", {}, ["1.4.0", "1.4.0+x", "1.3.9"]),
    ("semver_lt", "1.4.0", {}, ["1.4.0-rc.1", "1.4.0", "1.3.9", "0.9.0"]),
    ("semver_lte", "1.4.0", {}, ["1.4.0", "1.4.0+x", "1.4.1"]),
    ("semver_range", "^1.2", {}, ["1.2.0", "1.9.9", "2.0.0", "1.1.9", "1.3.0-alpha", "1.2"]),
    ("semver_range", "^0.2.3", {}, ["0.2.3", "0.2.9", "0.3.0", "0.2.2"]),
    ("semver_range", "^0.0.3", {}, ["0.0.3", "0.0.4"]),
    ("semver_range", "^0", {}, ["0.9.0", "1.0.0"]),
    ("semver_range", "~1.2", {}, ["1.2.0", "1.2.9", "1.3.0"]),
    ("semver_range", "~1.2.3", {}, ["1.2.3", "1.2.2", "1.3.0"]),
    ("semver_range", "~1", {}, ["1.9.0", "2.0.0"]),
    ("semver_range", "1.x", {}, ["1.0.0", "1.9.9", "2.0.0", "0.9.0"]),
    ("semver_range", "1.2.*", {}, ["1.2.5", "1.3.0"]),
    ("semver_range", "*", {}, ["0.0.1", "9.9.9", "1.0.0-alpha"]),
    ("semver_range", "1.2.3", {}, ["1.2.3", "1.9.0", "2.0.0", "1.2.2"]),
    ("semver_range", "=1.2", {}, ["1.2.7", "1.3.0"]),
    ("semver_range", "=1.2.3", {}, ["1.2.3", "1.2.3+b", "1.2.4"]),
    ("semver_range", ">=1, <3", {}, ["1.0.0", "2.9.9", "3.0.0", "0.9.9", "3.0.0-alpha"]),
    ("semver_range", ">1.2", {}, ["1.2.9", "1.3.0"]),
    ("semver_range", ">1.2.3", {}, ["1.2.3", "1.2.4"]),
    ("semver_range", "<=1.2", {}, ["1.2.9", "1.3.0"]),
    ("semver_range", ">=1.2.3-beta.2", {}, ["1.2.3-beta.3", "1.2.3-beta.1", "1.2.4-beta.3", "1.2.3", "5.0.0"]),
    ("exists", None, {}, [None]),
    ("not_exists", None, {}, [None]),
    ("any_of", ["pro", 8], {}, [["x", 8.0], ["x"], [["pro"]]]),
    ("all_of", ["pro", 7], {}, [[7.0, "x", "pro"], ["pro"], ["pro", "pro"]]),
    ("none_of", ["pro", 8], {}, [["x"], ["x", 8.0]]),
    ("any_of", [f"role-{n}" for n in range(12)], {}, [["role-11"], ["role-12"], [1, "role-0"]]),
    ("size", 2, {}, [["x"], [1, 2, 3], "xy"]),
    ("size", 0, {}, [[None]]),
    ("size", {"gte": 1, "lt": 3}, {}, [["x"], [1, 2, 3]]),
    ("size", {"gt": 1}, {}, [["x"]]),
    ("in_cidr", "10.0.0.0/8", {}, [
        "10.255.1.2", "11.0.0.0", "::ffff:10.1.2.3", "10.0.0", "010.0.0.1", "10.0.0.1/32", "2001:db8::1",
    ]),
    ("in_cidr", ["192.168.1.7", "2001:db8::/32"], {}, [
        "192.168.1.7", "192.168.1.8", "2001:db8:ffff::1", "2001:db9::1", "2001:DB8::A",
    ]),
    ("in_cidr", "10.1.2.3/8", {}, ["10.9.9.9"]),
]


def operators():
    flags, wanted = [], []
    for number, (operator, value, more, interesting) in enumerate(TABLE):
        key = f"{operator}-{number}"
        values = [] if operator in ("exists", "not_exists") else [value]
        condition = test("x", operator, *values, **more)
        # The same test behind a `not`: what is false because of a missing attribute or a wrong type turns true.
        flags.append(boolean(key, [rule("holds", condition)]))
        flags.append(boolean(f"not-{key}", [rule("holds", {"not": condition})]))
        shown = operator if value is None else f"{operator} {value if len(str(value)) < 40 else 'a long list'}"
        shown += " without case" if more else ""
        for what, attribute in ANYTHING:
            wanted.append((f"{number}: {shown}, {what}", key, {} if what == "missing" else {"x": attribute}))
        wanted.append((f"{number}: not {shown}, missing", f"not-{key}", {}))
        wanted.append((f"{number}: not {shown}, true", f"not-{key}", {"x": True}))
        for place, attribute in enumerate(interesting):
            wanted.append((f"{number}: {shown}, of interest {place}", key, {"x": attribute}))
    cases = Cases("Every operator on every type of value; the attribute is `x`.", environment(flags))
    for name, flag, context in wanted:
        cases.add(name, flag, {"targetingKey": "user-1", **context})
    return cases.vectors


def clock():
    berlin, york, utc = "Europe/Berlin", "America/New_York", "UTC"
    day = test(None, "time_of_day", {"from": "09:00", "to": "17:30", "time_zone": berlin})
    night = test(None, "time_of_day", {"from": "22:00", "to": "06:00:30", "time_zone": york})
    week = test(None, "weekday", {"days": ["mon", "tue", "wed", "thu", "fri"], "time_zone": berlin})
    kolkata = test(None, "weekday", {"days": ["sun"], "time_zone": "Asia/Kolkata"})
    morning = test(None, "time_of_day", {"from": "00:00", "to": "12:00", "time_zone": utc})
    conditions = [("day", day), ("night", night), ("week", week), ("kolkata", kolkata), ("morning", morning)]
    flags = [boolean(key, [rule(key, condition)]) for key, condition in conditions]
    cases = Cases("Local times and days of the evaluation; `now` decides.", environment(flags))
    moments = [
        "2026-11-22T08:00:00Z", "2026-11-22T07:59:59Z", "2026-11-22T16:29:59.999Z", "2026-11-22T16:30:00Z",
        "2026-07-01T07:00:00Z", "2026-07-01T06:59:59Z", "2026-07-01T15:30:00Z", "2026-07-02T02:00:00Z",
        "2026-03-29T00:59:59Z", "2026-03-29T01:00:00Z", "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z",
        "2026-11-22T11:00:29Z", "2026-11-22T11:00:30Z", "2026-11-22T23:30:00Z", "2026-11-23T22:59:59Z",
        "2026-11-21T18:30:00Z", "2026-11-22T18:29:59Z", "2026-11-22T00:00:00Z", "2026-11-22T12:00:00Z",
        "1999-12-31T23:59:59Z", "2024-02-29T12:00:00Z",
    ]
    for key, _ in conditions:
        for moment in moments:
            cases.add(f"{key} at {moment}", key, {}, moment)
    return cases.vectors
