-- What the analysis keeps of experiments, so that results are read without touching raw events. All of it can be made
-- again from the events. One statement a request; every statement may run twice.
--
-- A `recipe` names what rows were computed by: the rule, arms and breakdowns of an iteration, for values also the
-- metric's definition. What is redefined is computed anew under another recipe, beside the old one.

-- The users of an iteration: first exposure, the lowest and the highest code of a variation they were seen in (arms
-- count from 1 in the order of the plan, other variations have large codes), and the attributes of breakdowns at the
-- first exposure. Folding an exposure in twice, or in another order, changes nothing.
CREATE TABLE IF NOT EXISTS experiment_users (
    experiment UUID,
    iteration UInt32,
    recipe UInt64,
    user UInt128,
    first SimpleAggregateFunction(min, DateTime64(3, 'UTC')),
    low SimpleAggregateFunction(min, UInt64),
    high SimpleAggregateFunction(max, UInt64),
    attributes AggregateFunction(argMin, Array(String), UInt256),
    position SimpleAggregateFunction(max, UInt64),
    INDEX positions position TYPE minmax GRANULARITY 4
)
ENGINE = AggregatingMergeTree
ORDER BY (experiment, iteration, recipe, user)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

-- What a user has of a metric, in units of 1e-6: value or numerator, denominator, both before the first exposure, and
-- the single values where a quantile asks for them. Arm 0 is left out. Users without a row have nothing. The row of
-- the highest telemetry position holds.
CREATE TABLE IF NOT EXISTS experiment_values (
    experiment UUID,
    iteration UInt32,
    recipe UInt64,
    user UInt128,
    position UInt64,
    arm UInt64,
    first DateTime64(3, 'UTC'),
    attributes Array(String),
    x Int128,
    d Int128,
    cx Int128,
    cd Int128,
    series Array(Int64)
)
ENGINE = ReplacingMergeTree(position)
ORDER BY (experiment, iteration, recipe, user)
TTL toDateTime(first) + INTERVAL 400 DAY
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

-- Sufficient statistics over users. `step` is the end of a closed time step, or 1970 for the newest state, which is
-- replaced whenever there is more. Rows of the nil metric count users: by arm, with `counts` by time step of the first
-- exposure; the one without a variation has the tallies of exposures in `counts`.
CREATE TABLE IF NOT EXISTS experiments_snapshot (
    experiment UUID,
    iteration UInt32,
    step DateTime64(3, 'UTC'),
    metric UUID,
    version UInt32,
    recipe UInt64,
    attribute String,
    value String,
    variation String,
    position UInt64,
    at DateTime64(3, 'UTC'),
    users UInt64,
    sums Array(Int256),
    counts Array(UInt64),
    quantiles Array(Float64)
)
ENGINE = ReplacingMergeTree(position)
ORDER BY (experiment, iteration, step, metric, recipe, attribute, value, variation)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;
