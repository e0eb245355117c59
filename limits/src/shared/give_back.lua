-- Gives back to every bucket what was taken from it. KEYS and ARGV as for taking. Answers with the microseconds until
-- each is full.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local known = {}
for i, key in ipairs(KEYS) do
  local each = tonumber(ARGV[3 * i - 2]) / tonumber(ARGV[3 * i - 1])
  local at, ahead = string.match(redis.call('GET', key) or '', '^(%S+) (%S+)$')
  local after = at and tonumber(at) - now + tonumber(ahead) - tonumber(ARGV[3 * i]) * each or 0
  if after > 0 then
    redis.call('SET', key, string.format('%.0f %.17g', now, after), 'PX', math.ceil(after / 1000))
  else
    redis.call('DEL', key)
  end
  known[i] = math.ceil(math.max(after, 0))
end
return known
