#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""dns_zone - ask a server for everything in some zones with dig or kdig, and compare.

The zones are read by ldns-read-zone (which knows no $GENERATE: those lines are written out here),
the answer that RFC 1034 4.3.2, 2308, 4592 and 6891 ask for is worked out here, and dig or kdig
speak with the server. Nothing of the server's own code is used. Data is compared in the generic
form of RFC 3597, so that no two tools' ways of writing matter.

  dns_zone.py --server ADDR --tool dig|kdig [--edns] [--bind ADDR] --zone NAME=FILE ...

Prints a FAIL line for each difference and "N passed, N failed" at the end.
"""
import argparse
import random
import re
import subprocess
import sys
import tempfile

A, NS, CNAME, SOA, MX, TXT, AAAA, SRV, DS, OPT = 1, 2, 5, 6, 15, 16, 28, 33, 43, 41
TYPES = {"A": A, "NS": NS, "CNAME": CNAME, "SOA": SOA, "MX": MX, "TXT": TXT, "AAAA": AAAA,
         "SRV": SRV, "DS": DS, "PTR": 12, "HTTPS": 65, "SVCB": 64, "CAA": 257, "DNAME": 39}
NAMES = {number: name for name, number in TYPES.items()}
GENERATE = re.compile(r"^\$GENERATE\s+(\d+)-(\d+)\s+(\S+)\s+(\S+)\s+(\S+)\s*$", re.I)


NAMED = (NS, CNAME, SOA, MX, SRV, 12, 39)  # types with names in their data


def fold(rrtype, data):
    """Data as it is compared: a name in it may take its case from the question (RFC 1034 3.1)."""
    return bytes.fromhex(data).lower().hex() if rrtype in NAMED else data.lower()


def labels(name):
    """The labels of a presentation name, lower case, last dot off; escapes stay as written."""
    return re.findall(r"(?:\\\d{3}|\\.|[^.\\])+", name.rstrip(".").lower())


def lower(name):
    return ".".join(labels(name)) + "."


def wire_name(data):
    """An uncompressed name in hexadecimal to presentation form."""
    octets, at, out = bytes.fromhex(data), 0, ""
    while octets[at]:
        label = octets[at + 1:at + 1 + octets[at]]
        out += "".join("\\" + chr(c) if chr(c) in '.;"\\()@$' else
                       chr(c) if 32 < c < 127 else "\\%03d" % c for c in label) + "."
        at += 1 + octets[at]
    return out or "."


class Zone:
    """What ldns reads: sets[lower-case owner][type] = {data}, written[...] = owner as written."""

    def __init__(self, origin, path):
        self.origin = lower(origin)
        self.sets, self.ttl, self.written = {}, {}, {}
        with tempfile.NamedTemporaryFile("w", suffix=".zone") as flat:
            flat.write("$ORIGIN %s\n" % self.origin)
            for line in open(path, encoding="ascii"):
                flat.write(self.expand(line))
            flat.flush()
            generic = [word for name in TYPES for word in ("-u", name)]
            text = subprocess.run(["ldns-read-zone", *generic, flat.name], check=True,
                                  capture_output=True, text=True).stdout
        for line in text.splitlines():
            owner, ttl, _, rrtype, mark, _, *data = line.split()
            assert mark == "\\#", line
            key, rrtype = lower(owner), int(rrtype[4:]) if rrtype.startswith("TYPE") else TYPES[rrtype]
            self.sets.setdefault(key, {}).setdefault(rrtype, set()).add(fold(rrtype, "".join(data)))
            self.ttl[key, rrtype] = int(ttl)
            self.written[key] = owner
        self.names = set()
        for name in self.sets:  # and the empty non-terminals above them
            parts = labels(name)
            for i in range(len(parts) - len(labels(self.origin)) + 1):
                self.names.add(".".join(parts[i:]) + ".")

    @staticmethod
    def expand(line):
        found = GENERATE.match(line)
        if not found:
            return line
        low, high, owner, rrtype, data = found.groups()

        def put(text, value):
            text = re.sub(r"\$\{(-?\d+),(\d+),d\}",
                          lambda m: str(value + int(m[1])).zfill(int(m[2])), text)
            return text.replace("$", str(value))
        return "".join("%s %s %s\n" % (put(owner, v), rrtype, put(data, v))
                       for v in range(int(low), int(high) + 1))

    def holds(self, name):
        return (lower(name)).endswith("." + self.origin) or lower(name) == self.origin

    def soa(self):
        minimum = int(next(iter(self.sets[self.origin][SOA]))[-8:], 16)
        return self.rrset(self.origin, SOA, ttl=min(minimum, self.ttl[self.origin, SOA]))

    def rrset(self, name, rrtype, owner=None, ttl=None):
        return {(lower(owner or name), rrtype, self.ttl[name, rrtype] if ttl is None else ttl, data)
                for data in self.sets[name][rrtype]}

    def cut(self, name):
        """The delegation at or above name, or None."""
        parts = labels(name)
        for i in range(len(parts) - len(labels(self.origin)) - 1, -1, -1):
            above = ".".join(parts[i:]) + "."
            if NS in self.sets.get(above, {}):
                return above
        return None


class Expected:
    def __init__(self):
        self.rcode, self.aa = "NOERROR", True
        self.answer, self.authority = set(), set()
        self.glue = set()            # has to be in the additional section
        self.optional = None         # the answer of the same chain followed into another zone


def expect(zones, name, rrtype, steps=0):
    """What has to come back, by RFC 1034 4.3.2."""
    out = Expected()
    inside = [zone for zone in zones if zone.holds(name)]
    if not inside:
        out.rcode, out.aa = "REFUSED", False
        return out
    zone = max(inside, key=lambda z: len(labels(z.origin)))
    key, cut = lower(name), zone.cut(name)
    if cut and not (cut == key and rrtype == DS):
        out.aa = False
        out.authority = zone.rrset(cut, NS)
        for data in zone.sets[cut][NS]:
            target = lower(wire_name(data))
            if (target + "").endswith("." + cut):
                for family in (A, AAAA):
                    if family in zone.sets.get(target, {}):
                        out.glue |= zone.rrset(target, family)
        return out
    source = key
    if key not in zone.names:
        parts = labels(key)
        closest = next(".".join(parts[i:]) + "." for i in range(1, len(parts))
                       if ".".join(parts[i:]) + "." in zone.names)
        source = "*." + closest
        if source not in zone.sets:
            out.rcode, out.authority = "NXDOMAIN", zone.soa()
            return out
    have = zone.sets.get(source, {})
    if rrtype in have:
        out.answer = zone.rrset(source, rrtype, owner=key)
    elif CNAME in have and steps < 16:
        out.answer = zone.rrset(source, CNAME, owner=key)
        target = wire_name(next(iter(have[CNAME])))
        rest = expect(zones, target, rrtype, steps + 1)
        if zone.holds(target):
            out.rcode, out.authority = rest.rcode, rest.authority
            out.answer |= rest.answer
            out.glue = rest.glue
        elif rest.rcode != "REFUSED":
            out.optional = rest
    else:
        out.authority = zone.soa()
    return out


class Answer:
    """One message as dig or kdig print it."""

    def __init__(self):
        self.rcode, self.flags, self.question, self.opt = "none", set(), None, False
        self.sections = {"ANSWER": set(), "AUTHORITY": set(), "ADDITIONAL": set()}
        self.records = 0


def parse(text):
    """The messages of a transcript, in order."""
    answers, current, section = [], None, None
    for line in text.splitlines():
        if "->>HEADER<<-" in line:
            current = Answer()
            current.rcode = re.search(r"status: (\w+)", line)[1]
            answers.append(current)
            section = None
        elif current is None:
            continue
        elif re.match(r";; [Ff]lags:", line):
            current.flags = set(line.split(":", 1)[1].split(";")[0].split())
        elif re.search(r"EDNS PSEUDOSECTION|OPT PSEUDOSECTION|EDNS: version|EDNS0?", line) and \
                line.startswith(";"):
            current.opt = True
        elif re.match(r";; (\w+) SECTION", line):
            section = re.match(r";; (\w+) SECTION", line)[1]
        elif not line:
            section = None
        elif section == "QUESTION" and line.startswith(";"):
            current.question = line.lstrip("; ").split()[0]
        elif section in current.sections and line and not line.startswith(";"):
            owner, ttl, _, rrtype, mark, _, *data = line.split()
            rrtype = int(rrtype[4:]) if rrtype.startswith("TYPE") else TYPES[rrtype]
            assert mark == "\\#", line
            current.sections[section].add((lower(owner), rrtype, int(ttl), fold(rrtype, "".join(data))))
            current.records += 1
    return answers


def questions(zones, seed):
    """Every name and type of the zones, the types that are not there, names that are not there."""
    chosen = random.Random(seed)
    asked = []
    for zone in zones:
        for name in sorted(zone.names):
            text = zone.written.get(name, name)
            asked += [(text, rrtype) for rrtype in sorted(zone.sets.get(name, {}))]
            missing = [t for t in (A, AAAA, MX, TXT, NS, SRV, DS) if t not in zone.sets.get(name, {})]
            asked += [(text, t) for t in (missing if len(zone.names) < 64 else chosen.sample(missing, 1))]
            asked.append(("not-there." + text, chosen.choice((A, AAAA, TXT))))
            asked.append(("a.b.c." + text, A))
    asked += [("example.net.", A), (".", NS), ("com.", SOA), ("xexample.com.", A)]
    mixed = []
    for name, rrtype in asked:  # RFC 4343: any case finds it; and the question comes back as sent
        if not re.search(r"\\\d", name) and chosen.random() < 0.5:
            name = "".join(c.upper() if chosen.random() < 0.5 else c.lower() for c in name)
        mixed.append((name, rrtype))
    return mixed


def run(command):
    """The output of a tool; what it had said, when it did not end in time."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False,
                              timeout=60).stdout
    except subprocess.TimeoutExpired as late:
        return (late.stdout or b"").decode()


def ask(tool, server, bind, edns, asked):
    """One run of dig or kdig for all questions; returns the transcript."""
    types = ["TYPE%d" % t if t not in NAMES else NAMES[t] for _, t in asked]
    if tool == "dig":
        command = ["dig", "-r", "+unknownformat", "+ignore", "+nocookie", "+tries=2", "+time=1",
                   "+norecurse", "+nosearch", *(["-b", bind] if bind else []),
                   *(["+edns=0", "+bufsize=1232"] if edns else ["+noedns"])]
        with tempfile.NamedTemporaryFile("w") as batch:
            for (name, _), rrtype in zip(asked, types):
                batch.write("@%s -q %s -t %s\n" % (server, name, rrtype))
            batch.flush()
            return run([*command, "-f", batch.name])
    out = ""
    for i in range(0, len(asked), 100):
        command = ["kdig"]
        for (name, _), rrtype in list(zip(asked, types))[i:i + 100]:
            command += ["@" + server, "-q", name, "-t", rrtype, "+generic", "+ignore", "+nordflag",
                        "+noidn", "+retry=1", "+time=1", "+nocookie",
                        "+edns=0" if edns else "+noedns", "+bufsize=1232" if edns else "+noedns"]
            command += ["-b", bind] if bind else []
        out += run(command)
    return out


def differences(want, got, name, edns, records):
    """What is wrong with an answer, in words; empty when nothing is."""
    wrong = []
    if got.question is None or got.question.rstrip(".") != name.rstrip("."):
        wrong.append("question came back as %s" % got.question)
    if "qr" not in got.flags or "ra" in got.flags or "rd" in got.flags:
        wrong.append("flags %s" % sorted(got.flags))
    if got.opt != edns:
        wrong.append("OPT %s" % ("missing" if edns else "without being asked"))
    if "tc" in got.flags:
        size = 12 + sum(len(o) + 12 + len(d) // 2 for o, _, _, d in want.answer | want.authority)
        if size <= (1232 if edns else 512):
            wrong.append("truncated, though it fits")
        if not got.sections["ANSWER"] <= want.answer:
            wrong.append("answer %s" % sorted(got.sections["ANSWER"] - want.answer))
        return wrong
    for follow in (None, want.optional):
        rcode = follow.rcode if follow else want.rcode
        answer = want.answer | (follow.answer if follow else set())
        authority = follow.authority if follow else want.authority
        this = []
        if got.rcode != rcode:
            this.append("%s, not %s" % (got.rcode, rcode))
        if ("aa" in got.flags) != want.aa:
            this.append("AA is %s" % ("aa" in got.flags))
        if got.sections["ANSWER"] != answer:
            this.append("answer %s, not %s" % (sorted(got.sections["ANSWER"]), sorted(answer)))
        may = authority or records  # a positive answer may name the zone's servers
        if authority and got.sections["AUTHORITY"] != authority or \
                not got.sections["AUTHORITY"] <= may:
            this.append("authority %s, not %s" % (sorted(got.sections["AUTHORITY"]),
                                                  sorted(authority)))
        if not this or want.optional is None:
            break
    wrong += this
    if not want.glue <= got.sections["ADDITIONAL"]:
        wrong.append("glue %s is missing" % sorted(want.glue - got.sections["ADDITIONAL"]))
    if not got.sections["ADDITIONAL"] <= records:
        wrong.append("additional %s" % sorted(got.sections["ADDITIONAL"] - records))
    return wrong


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--server", required=True)
    options.add_argument("--tool", choices=("dig", "kdig"), required=True)
    options.add_argument("--edns", action="store_true")
    options.add_argument("--bind", default="")
    options.add_argument("--zone", action="append", required=True)
    options = options.parse_args()
    zones = [Zone(*each.split("=", 1)) for each in options.zone]
    records = set().union(*(z.rrset(n, t) for z in zones for n in z.sets for t in z.sets[n]))
    asked = questions(zones, options.server + options.tool)
    if options.tool == "kdig":  # it sends lower case, whatever it is told
        asked = [(name.lower(), rrtype) for name, rrtype in asked]
    answers = parse(ask(options.tool, options.server, options.bind, options.edns, asked))
    failed = 0
    if len(answers) != len(asked):
        print("FAIL %d questions, %d answers" % (len(asked), len(answers)))
        failed += 1
        seen = {}
        for answer in answers:  # pair what can be paired
            seen.setdefault(answer.question and answer.question.rstrip("."), []).append(answer)
    for i, (name, rrtype) in enumerate(asked):
        if len(answers) == len(asked):
            got = answers[i]
        else:
            same = seen.get(name.rstrip("."))
            got = same.pop(0) if same else None
        wrong = ["no answer"] if got is None else \
            differences(expect(zones, name, rrtype), got, name, options.edns, records)
        if wrong:
            failed += 1
            print("FAIL %s TYPE%d: %s" % (name, rrtype, "; ".join(wrong)))
    print("%d passed, %d failed" % (len(asked) - min(failed, len(asked)), failed))
    sys.exit(1 if failed or not asked else 0)


main()
