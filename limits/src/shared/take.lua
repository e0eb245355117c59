-- Takes from every bucket or from none. KEYS: the buckets. ARGV: for each its window in microseconds, its requests, and
-- what is to be taken; 0 asks whether one would be there. Answers with the number of the bucket that refuses, or 0, with
-- the microseconds to wait, with what is left in each, and with the microseconds until each is full.
--
-- A bucket is kept as a time and how long after that it is full again: apart, as a sum of both would have no room for
-- fractions of a microsecond, which add up.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local full_in, left, known = {}, {}, {}
local by, wait = 0, 0
for i, key in ipairs(KEYS) do
  local window, requests = tonumber(ARGV[3 * i - 2]), tonumber(ARGV[3 * i - 1])
  local cost = tonumber(ARGV[3 * i])
  local each = window / requests
  local before = full_in[key]
  if not before then
    local at, ahead = string.match(redis.call('GET', key) or '', '^(%S+) (%S+)$')
    before = at and tonumber(at) - now + tonumber(ahead) or 0
    -- No more than if it were empty, wherever the clock has jumped to.
    before = math.min(math.max(before, 0), window)
  end
  local asked = math.max(cost, 1)
  local after = before + asked * each
  local over = after - window
  -- What adds up in roundings is forgiven, which is less than any request.
  if over > each / 1000 then
    if asked > requests then over = window end
    if over > wait then by, wait = i, over end
  end
  left[i] = math.max(0, math.floor(-over / each + 0.001))
  known[i] = math.ceil(before)
  if cost > 0 then full_in[key] = after else left[i] = left[i] + 1 end
end
if by == 0 then
  for key, ahead in pairs(full_in) do
    redis.call('SET', key, string.format('%.0f %.17g', now, ahead), 'PX', math.max(1, math.ceil(ahead / 1000)))
  end
  for i, key in ipairs(KEYS) do known[i] = math.ceil(full_in[key] or known[i]) end
end
return {by, math.ceil(wait), left, known}
