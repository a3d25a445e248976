-- wrk sends requests that were written beforehand, in turn, and prints its results as one line of JSON.
-- The file (environment variable REQUESTS) holds each request as its length, a new line, and its bytes.

local requests = {}
local file = assert(io.open(os.getenv("REQUESTS"), "rb"))
local size = file:read("*n")
while size do
  file:read(1)
  requests[#requests + 1] = file:read(size)
  size = file:read("*n")
end
file:close()

local at = 0

request = function()
  at = at % #requests + 1
  return requests[at]
end

done = function(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\nTOLD {"requests":%d,"microseconds":%d,"refused":%d,"broken":%d,"slow":%d,'
      .. '"p50":%.1f,"p90":%.1f,"p99":%.1f,"longest":%.1f}\n',
    summary.requests, summary.duration, errors.status, errors.connect + errors.read + errors.write, errors.timeout,
    latency:percentile(50), latency:percentile(90), latency:percentile(99), latency.max))
end
