-- SPDX-License-Identifier: Apache-2.0
-- pcap.lua - send the capture loaded with -s 0:FILE from port 0 for ten seconds, at a tenth of the line rate.
local port, seconds, percent = "0", 10, 10

pktgen.screen("off")
pktgen.set(port, "count", 0)
pktgen.set(port, "rate", percent)
pktgen.pcap(port, "on")
pktgen.start(port)
pktgen.delay(seconds * 1000)
pktgen.stop(port)
pktgen.screen("on")
