-- For wrk: POST the lines of the file BODIES in turns, with the lines of the
-- file HEADERS as header fields, and print the sum as one line of JSON.

for line in io.lines(os.getenv("HEADERS")) do
   local name, value = line:match("^(.-): (.*)$")
   wrk.headers[name] = value
end

local requests, turn = {}, 0

function init()
   for body in io.lines(os.getenv("BODIES")) do
      requests[#requests + 1] = wrk.format("POST", nil, nil, body)
   end
end

function request()
   turn = turn % #requests + 1
   return requests[turn]
end

function done(summary, latency)
   local wrong = summary.errors
   io.write(string.format(
      'RESULT {"requests": %d, "seconds": %.6f, "p50_ms": %.3f, "p99_ms": %.3f, "failed": %d}\n',
      summary.requests, summary.duration / 1e6,
      latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
      wrong.status + wrong.connect + wrong.read + wrong.write + wrong.timeout))
end
