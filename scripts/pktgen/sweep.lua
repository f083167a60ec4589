-- SPDX-License-Identifier: Apache-2.0
-- sweep.lua - a load curve with the capture loaded with -s 0:FILE: ten rates, five seconds each; sent and received
-- frames a second of port 0. An answer to each query is what a box without loss gives.
local port, index, seconds = "0", 0, 5

pktgen.screen("off")
pktgen.set(port, "count", 0)
pktgen.pcap(port, "on")
print("percent\tsent/s\treceived/s")
for percent = 10, 100, 10 do
	pktgen.set(port, "rate", percent)
	pktgen.start(port)
	pktgen.delay(1000)
	local before = pktgen.portStats(port, "port")[index]
	pktgen.delay(seconds * 1000)
	local after = pktgen.portStats(port, "port")[index]
	pktgen.stop(port)
	pktgen.delay(500)
	print(percent .. "\t" .. (after.opackets - before.opackets) / seconds .. "\t" ..
		(after.ipackets - before.ipackets) / seconds)
end
pktgen.screen("on")
