"""What a flag answers, written a second time and independently of the Rust evaluator.

Plain and slow on purpose: no compilation, no indexes, definitions are read as they are. The vectors are what this
code answers, so the evaluator and every SDK are checked against a second opinion.
"""

import datetime
import hashlib
import ipaddress
import re
import zoneinfo

MISSING = object()
IDENTITY = ("targetingKey", "user_key", "user_id")
MAX_DEPTH = 16
MAX_REFERENCES = 1000


class Failure(Exception):
    """There is no answer; carries the error code."""

    def __init__(self, code):
        super().__init__(code)
        self.code = code


# Values ------------------------------------------------------------------------------------------------------------


def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def same(left, right):
    """JSON equality: numbers by worth (Python compares int and float exactly), nothing else across types."""
    if is_number(left) and is_number(right):
        return left == right
    if type(left) is not type(right):
        return False
    if isinstance(left, list):
        return len(left) == len(right) and all(same(l, r) for l, r in zip(left, right))
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(same(left[k], right[k]) for k in left)
    return left == right


def fold(text):
    """Lower case, each character by itself."""
    return "".join(character.lower() for character in text)


def bucketing_text(value):
    """A non-empty string as it is, an integer in decimal, nothing else."""
    if isinstance(value, str):
        return value or None
    if isinstance(value, float) and value.is_integer() and abs(value) <= 2**53:
        return str(int(value))
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return None


# Contexts ----------------------------------------------------------------------------------------------------------


def check_context(context):
    if not isinstance(context, dict):
        raise Failure("INVALID_CONTEXT")
    key = context.get("targetingKey")
    if key is not None and not isinstance(key, str) and bucketing_text(key) is None:
        raise Failure("INVALID_CONTEXT")


def top_level(context, name):
    names = (name, *IDENTITY) if name in IDENTITY else (name,)
    for candidate in names:
        if context.get(candidate) is not None:
            return context[candidate]
    return MISSING


def attribute(context, path):
    if not path.startswith("/"):
        return top_level(context, path)
    first, *inner = [part.replace("~1", "/").replace("~0", "~") for part in path[1:].split("/")]
    value = top_level(context, first)
    for name in inner:
        if isinstance(value, dict):
            value = value.get(name, MISSING)
        elif isinstance(value, list) and re.fullmatch(r"0|[1-9][0-9]*", name) and int(name) < len(value):
            value = value[int(name)]
        else:
            return MISSING
    return MISSING if value is None else value


def targeting_key(context):
    for name in IDENTITY:
        text = bucketing_text(context.get(name))
        if text is not None:
            return text
    return None


# Instants, versions, networks ----------------------------------------------------------------------------------------

INSTANT = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):(\d\d))", re.ASCII
)
DURATION = re.compile(r"([+-]?)P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?", re.ASCII)
EPOCH = datetime.datetime(1970, 1, 1)


def instant(text):
    """Nanoseconds since 1970, or None for what is no RFC 3339 instant."""
    parts = INSTANT.fullmatch(text)
    if not parts:
        return None
    year, month, day, hour, minute, second = (int(parts[n]) for n in range(1, 7))
    try:
        local = datetime.datetime(year, month, day, hour, minute, second)
    except ValueError:
        return None
    offset = 0
    if parts[8]:
        hours, minutes = int(parts[9]), int(parts[10])
        if hours > 23 or minutes > 59:
            return None
        offset = (hours * 60 + minutes) * (1 if parts[8] == "+" else -1)
    elapsed = local - datetime.timedelta(minutes=offset) - EPOCH
    nanoseconds = int((parts[7] or "")[:9].ljust(9, "0"))
    return (elapsed.days * 86400 + elapsed.seconds) * 10**9 + nanoseconds


def bound_instant(text, now):
    absolute = instant(text)
    if absolute is not None:
        return absolute
    parts = DURATION.fullmatch(text)
    units = (7 * 86400, 86400, 3600, 60, 1)
    seconds = sum(int(parts[n + 2] or 0) * unit for n, unit in enumerate(units))
    return instant(now) + (-seconds if parts[1] == "-" else seconds) * 10**9


VERSION = re.compile(
    r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)"
    r"(?:-((?:0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*)(?:\.(?:0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*))*))?"
    r"(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?",
    re.ASCII,
)


def pre_release_order(pre):
    """No pre-release is newest; numbers come before texts."""
    if not pre:
        return (1,)
    parts = [(0, int(p), "") if p.isdigit() else (1, 0, p) for p in pre.split(".")]
    return (0, *parts)


def version(text):
    parts = VERSION.fullmatch(text)
    if not parts:
        return None
    return (int(parts[1]), int(parts[2]), int(parts[3]), pre_release_order(parts[4]))


COMPARATOR = re.compile(
    r"\s*(\^|~|=|>=|<=|>|<)?\s*(\d+|[xX*])(?:\.(\d+|[xX*]))?(?:\.(\d+|[xX*]))?(?:-([0-9A-Za-z.-]+))?\s*", re.ASCII
)


def in_range(text, found):
    """Whether a version lies in a range: each part is turned into a lowest and a first version beyond."""
    final, release = (1,), found[3] == (1,)
    names_pre_release = False
    for part in text.split(","):
        sign, *numbers, pre = COMPARATOR.fullmatch(part).groups()
        given = [int(n) for n in numbers if n is not None and n.isdigit()]
        wild = any(n is not None and not n.isdigit() for n in numbers)
        if not given:
            continue
        lowest = tuple(given + [0] * (3 - len(given)))
        order = pre_release_order(pre)
        if pre and found[:3] == lowest:
            names_pre_release = True

        def after(place):
            """The first version whose numbers up to `place` are larger."""
            return tuple(given[:place] + [given[place] + 1] + [0] * (2 - place))

        least, beyond = (*lowest, order), None
        if wild or (sign == "=" and len(given) < 3):
            beyond = after(len(given) - 1)
        elif sign == "=":
            if found != least:
                return False
            continue
        elif sign in (None, "^"):
            place = next((n for n, number in enumerate(given) if number), len(given) - 1)
            beyond = after(place)
        elif sign == "~":
            beyond = after(min(1, len(given) - 1))
        elif sign == ">=":
            pass
        elif sign == ">":
            if len(given) < 3:
                least = (*after(len(given) - 1), final)
            elif found <= least:
                return False
        elif sign == "<":
            if found >= least:
                return False
            continue
        elif sign == "<=":
            if len(given) < 3:
                beyond, least = after(len(given) - 1), None
            else:
                if found > least:
                    return False
                continue
        if least is not None and found < least:
            return False
        if beyond is not None and found[:3] >= beyond:
            return False
    return release or names_pre_release


def in_networks(text, networks):
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    if address.version == 6 and address.ipv4_mapped:
        address = address.ipv4_mapped
    return any(address in ipaddress.ip_network(network, strict=False) for network in networks)


# Buckets -------------------------------------------------------------------------------------------------------------


def bucket(salt, flag_key, user_key):
    digest = hashlib.sha256((salt + flag_key + user_key).encode()).digest()
    return int.from_bytes(digest, "big") % 10000


def in_slice(part, salt, unit):
    number = bucket(salt, part["seed"], unit)
    return any(start <= number < end for start, end in part["ranges"])


# Evaluation ------------------------------------------------------------------------------------------------------------


class Evaluator:
    def __init__(self, environment, context, now):
        self.salt = environment["salt"]
        self.flags = {flag["key"]: flag for flag in environment["flags"]}
        self.segments = {segment["key"]: segment for segment in environment["segments"]}
        self.context = context
        self.now = now
        self.depth = 0
        self.references = 0

    def descend(self):
        if self.depth == MAX_DEPTH or self.references == MAX_REFERENCES:
            raise Failure("GENERAL")
        self.depth += 1
        self.references += 1

    def flag(self, key):
        """(variation, reason, rule id, experiment)"""
        flag = self.flags.get(key)
        if flag is None:
            raise Failure("FLAG_NOT_FOUND")
        if not sound(flag):
            raise Failure("PARSE_ERROR")
        if not flag["enabled"]:
            return flag["off_variation"], "DISABLED", None, None
        for required in flag.get("prerequisites", []):
            if not self.serves(required["flag"], required["variations"]):
                return flag["off_variation"], "PREREQUISITE_FAILED", None, None
        user = targeting_key(self.context)
        for target in flag.get("targets", []):
            if user is not None and user in target["keys"]:
                return target["variation"], "TARGETING_MATCH", None, None
        experiment = flag.get("experiment")
        if experiment is not None and self.takes_part(experiment):
            salt = experiment.get("salt", flag.get("salt", self.salt))
            arm = self.share(experiment["split"], salt, flag["key"])
            return arm, "SPLIT", experiment["rule"], experiment["key"]
        for rule in flag.get("rules", []):
            if "if" not in rule or self.holds(rule["if"]):
                variation, reason = self.outcome(flag, rule["then"], "TARGETING_MATCH")
                return variation, reason, rule.get("id") or None, None
        alone = not any(flag.get(part) for part in ("prerequisites", "targets", "experiment", "rules"))
        variation, reason = self.outcome(flag, flag["default"], "STATIC" if alone else "DEFAULT")
        return variation, reason, None, None

    def takes_part(self, experiment):
        if "if" in experiment and not self.holds(experiment["if"]):
            return False
        unit = self.unit(experiment["split"])
        return unit is not None and all(in_slice(part, self.salt, unit) for part in experiment.get("slices", []))

    def outcome(self, flag, outcome, reason):
        if "variation" in outcome:
            return outcome["variation"], reason
        return self.share(outcome["rollout"], flag.get("salt", self.salt), flag["key"]), "SPLIT"

    def unit(self, rollout):
        """The text that decides about a user; None if there is none."""
        if rollout.get("bucket_by"):
            value = attribute(self.context, rollout["bucket_by"])
            return None if value is MISSING else bucketing_text(value)
        return targeting_key(self.context)

    def share(self, rollout, salt, flag_key):
        text = self.unit(rollout)
        if text is None:
            raise Failure("TARGETING_KEY_MISSING")
        number = bucket(salt, flag_key, text)
        thousandths = 0
        for share in rollout["variations"]:
            thousandths += round(share["weight"] * 1000)
            if number < thousandths * 10000 // 100000:
                return share["key"]
        raise Failure("GENERAL")

    def serves(self, key, variations):
        self.descend()
        try:
            variation, *_ = self.flag(key)
        except Failure as failure:
            raise Failure("GENERAL" if failure.code == "FLAG_NOT_FOUND" else failure.code) from None
        self.depth -= 1
        return variation in variations

    def in_segment(self, key):
        segment = self.segments.get(key)
        if segment is None:
            raise Failure("GENERAL")
        self.descend()
        user = targeting_key(self.context)
        if user is not None and user in segment.get("excluded", []):
            answer = False
        elif user is not None and user in segment.get("included", []):
            answer = True
        else:
            answer = any(self.holds(rule) for rule in segment.get("rules", []))
        self.depth -= 1
        return answer

    def holds(self, condition):
        if "and" in condition:
            return all(self.holds(part) for part in condition["and"])
        if "or" in condition:
            return any(self.holds(part) for part in condition["or"])
        if "not" in condition:
            return not self.holds(condition["not"])
        return self.test(condition)

    def test(self, test):
        operator, wanted = test["operator"], test.get("value")
        listed = wanted if isinstance(wanted, list) else [wanted]
        if operator == "in_segment":
            return any(self.in_segment(key) for key in listed)
        if operator == "not_in_segment":
            return not any(self.in_segment(key) for key in listed)
        if operator == "flag_is":
            return self.serves(test["attribute"], listed)
        if operator in ("time_of_day", "weekday"):
            return self.clock(operator, wanted)
        found = attribute(self.context, test["attribute"])
        if operator in ("exists", "not_exists"):
            return (found is not MISSING) == (operator == "exists")
        if found is MISSING:
            return False
        if test.get("ignore_case") and operator != "matches":
            listed = [fold(one) if isinstance(one, str) else one for one in listed]
            wanted = fold(wanted) if isinstance(wanted, str) else listed
            found = fold(found) if isinstance(found, str) else found
        return self.compare(operator, found, wanted, listed, test)

    def compare(self, operator, found, wanted, listed, test):
        if operator == "eq":
            return same(found, wanted)
        if operator == "neq":
            return not same(found, wanted)
        if operator == "in":
            return any(same(found, one) for one in wanted)
        if operator == "not_in":
            return not any(same(found, one) for one in wanted)
        if operator in ("any_of", "all_of", "none_of", "size"):
            if not isinstance(found, list):
                return False
            if operator == "size":
                return size(len(found), wanted)
            there = [any(same(item, one) for item in found) for one in wanted]
            return {"any_of": any(there), "all_of": all(there), "none_of": not any(there)}[operator]
        if operator in ("gt", "gte", "lt", "lte"):
            return is_number(found) and order(operator, found, wanted)
        if not isinstance(found, str):
            return False
        if operator == "contains":
            return any(one in found for one in listed)
        if operator == "starts_with":
            return any(found.startswith(one) for one in listed)
        if operator == "ends_with":
            return any(found.endswith(one) for one in listed)
        if operator == "matches":
            flags = re.IGNORECASE if test.get("ignore_case") else 0
            return any(re.search(one, found, flags) is not None for one in listed)
        if operator in ("before", "after"):
            at, bound = instant(found), bound_instant(wanted, self.now)
            return at is not None and (at < bound if operator == "before" else at > bound)
        if operator == "in_cidr":
            return in_networks(found, listed)
        at = version(found)
        if at is None:
            return False
        if operator == "semver_range":
            return in_range(wanted, at)
        return order(operator.removeprefix("semver_"), at, version(wanted))

    def clock(self, operator, wanted):
        now = datetime.datetime.fromisoformat(self.now.replace("Z", "+00:00"))
        local = now.astimezone(zoneinfo.ZoneInfo(wanted["time_zone"]))
        if operator == "weekday":
            return ("mon", "tue", "wed", "thu", "fri", "sat", "sun")[local.weekday()] in wanted["days"]
        start, end = (datetime.time.fromisoformat(wanted[name]) for name in ("from", "to"))
        time = local.time()
        return start <= time < end if start < end else time >= start or time < end


def order(name, left, right):
    return {
        "eq": left == right, "gt": left > right, "gte": left >= right, "lt": left < right, "lte": left <= right,
    }[name]


def size(length, wanted):
    if is_number(wanted):
        return length == wanted
    return all(order(name, length, bound) for name, bound in wanted.items())


def sound(flag):
    """Only what the vectors need: rollouts that are no whole, variations that do not exist, slices that are none."""
    keys = {variation["key"] for variation in flag["variations"]}
    outcomes = [flag["default"], *(rule["then"] for rule in flag.get("rules", []))]
    named = {flag["off_variation"], *(target["variation"] for target in flag.get("targets", []))}
    named.update(outcome["variation"] for outcome in outcomes if "variation" in outcome)
    rollouts = [outcome["rollout"] for outcome in outcomes if "rollout" in outcome]
    experiment = flag.get("experiment")
    if experiment is not None:
        rollouts.append(experiment["split"])
        slices = experiment.get("slices", [])
        if not (experiment["key"] and experiment["rule"] and all(part["seed"] for part in slices)) or len(slices) > 32:
            return False
        if not all(0 <= start < end <= 10000 for part in slices for start, end in part["ranges"]):
            return False
    for rollout in rollouts:
        named.update(share["key"] for share in rollout["variations"])
        if sum(round(share["weight"] * 1000) for share in rollout["variations"]) != 100000:
            return False
    return named <= keys


def served_value(flag, key):
    """Numbers of a flag are all floats if any has a fraction, else integers."""
    value = next(variation["value"] for variation in flag["variations"] if variation["key"] == key)
    if flag["type"] != "number":
        return value
    fractional = any(not float(v["value"]).is_integer() for v in flag["variations"])
    if fractional:
        return float(value)
    return int(value) if isinstance(value, float) and abs(value) <= 2**53 else value


def evaluate(environment, flag_key, context, now):
    """The `expected` of a vector."""
    try:
        check_context(context)
        evaluator = Evaluator(environment, context, now)
        variation, reason, rule, experiment = evaluator.flag(flag_key)
    except Failure as failure:
        return {"reason": "ERROR", "errorCode": failure.code}
    value = served_value(evaluator.flags[flag_key], variation)
    expected = {"value": value, "variation": variation, "reason": reason, "rule": rule, "experiment": experiment}
    return {name: content for name, content in expected.items() if name == "value" or content is not None}
