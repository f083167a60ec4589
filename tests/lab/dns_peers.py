#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""dns_peers - ask several servers the same questions, and judge each difference.

Every name in some zone files (as ldns reads them), every ancestor of it, and names beside and below
it are asked for with each type and each way of using EDNS. The answers of the first server are
compared with those of each other one after normalisation: names and their order do not matter, OPT
is looked at by itself. A difference is either one of RULES, each with the text that decides, or a
failure. A rule that never applies is a failure too: it has no business in the list.

  dns_peers.py --ours ADDR:PORT --peer NAME=ADDR:PORT ... [--show N] [--random N [--seed N]] ZONE_FILE ...

A zone file is called after its zone. Ends with "N passed, N failed".
"""
import argparse
import itertools
import random
import re
import select
import socket
import struct
import subprocess
import sys
import time
from collections import Counter, namedtuple

TYPES = {"A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "PTR": 12, "MX": 15, "TXT": 16, "AAAA": 28, "SRV": 33,
         "DNAME": 39, "DS": 43, "RRSIG": 46, "NSEC": 47, "DNSKEY": 48, "NSEC3": 50, "NSEC3PARAM": 51, "HTTPS": 65, "CAA": 257,
         "TYPE65280": 65280, "ANY": 255}
# Signed zones are many of one kind: they are asked what proofs depend on.
SIGNED_TYPES = ("A", "NS", "CNAME", "SOA", "MX", "TXT", "DNAME", "DS", "RRSIG", "NSEC", "DNSKEY",
                "NSEC3", "NSEC3PARAM")
NUMBERS = {number: name for name, number in TYPES.items()}
A, NS, CNAME, SOA, AAAA, DNAME, OPT, DS, RRSIG, NSEC = 1, 2, 5, 6, 28, 39, 41, 43, 46, 47
NSEC3, NSEC3PARAM, SVCB, HTTPS, ANY = 50, 51, 64, 65, 255
RCODES = {0: "NOERROR", 1: "FORMERR", 2: "SERVFAIL", 3: "NXDOMAIN", 4: "NOTIMP", 5: "REFUSED",
          6: "YXDOMAIN"}
# How EDNS is used: None, or (offered size, DO).
WAYS = (None, (1232, False), (1232, True), (512, False))
SIGNED_WAYS = (None, (1232, True))
HASHED = re.compile(rb"[0-9A-Va-v]{32}")
# Where names stand in the data of the types that may be compressed, RFC 1035 and 3597 4 (they are
# decompressed for others too, RFC 3597 4 says): octets before, names.
NAMED = {2: (0, 1), 5: (0, 1), 6: (0, 2), 12: (0, 1), 14: (0, 2), 15: (2, 1), 17: (0, 2), 18: (2, 1),
         33: (6, 1), 35: None, 36: (2, 1), 39: (0, 1)}

Question = namedtuple("Question", "zone name type way")
Answer = namedtuple("Answer", "rcode aa tc answer authority additional edns")
TIMEOUT = Answer("no answer", False, False, frozenset(), frozenset(), frozenset(), None)


# ---- names ----

def name_from_text(text):
    """A presentation name to a tuple of labels (bytes), as written."""
    labels = []
    for part in re.findall(r"(?:\\\d{3}|\\.|[^.\\])+", text):
        label = re.sub(r"\\(\d{3}|.)", lambda m: chr(int(m[1])) if len(m[1]) == 3 else m[1], part)
        labels.append(label.encode("latin-1"))
    return tuple(labels)


def lower(name):
    return tuple(label.lower() for label in name)  # bytes.lower folds ASCII only, RFC 4343


def within(name, zone):
    return len(name) >= len(zone) and name[len(name) - len(zone):] == zone


def name_bytes(name):
    return 1 + sum(len(label) + 1 for label in name)


def name_text(name):
    return ".".join("".join(chr(c) if 33 <= c < 127 and c not in b'.\\' else "\\%03d" % c for c in l)
                    for l in name) + "."


# ---- messages ----

def ask(ident, question):
    way = question.way
    message = struct.pack(">HHHHHH", ident, 0, 1, 0, 0, 1 if way else 0)
    message += b"".join(bytes([len(l)]) + l for l in question.name) + b"\0"
    message += struct.pack(">HH", question.type, 1)
    if way:
        message += b"\0" + struct.pack(">HHIH", OPT, way[0], 0x8000 if way[1] else 0, 0)
    return message


def read_name(message, at):
    labels, end, steps = [], None, 0
    while True:
        length = message[at]
        if length >= 0xc0:
            end = end or at + 2
            to = (length & 0x3f) << 8 | message[at + 1]
            assert to < at and steps < 128, "a pointer that does not lead back"
            at, steps = to, steps + 1
        elif length:
            assert length < 64, "a label of an unknown kind"
            labels.append(message[at + 1:at + 1 + length])
            at += 1 + length
        else:
            break
    name = tuple(labels)
    assert name_bytes(name) <= 255, "a name that is too long"
    return lower(name), end or at + 1


def read_data(message, rrtype, at, end):
    rule = NAMED.get(rrtype)
    if not rule:
        return message[at:end]
    data, at = message[at:at + rule[0]], at + rule[0]
    names = []
    for _ in range(rule[1]):
        name, at = read_name(message, at)
        names.append(name)
    return (data, tuple(names), message[at:end])


def read(message, question):
    """A message to an Answer; asserts that it is well formed and answers the question."""
    _, flags, *counts = struct.unpack(">HHHHHH", message[:12])
    asked = ask(0, question)
    at = 12
    if counts[0]:
        end = 12 + name_bytes(question.name) + 4
        assert message[12:end] == asked[12:end], "another question, or another case"
        at = end
    sections, edns = [], None
    for count in counts[1:]:
        records = []
        for _ in range(count):
            owner, at = read_name(message, at)
            rrtype, rrclass, ttl, size = struct.unpack(">HHIH", message[at:at + 10])
            at += 10
            if rrtype == OPT:
                edns = (rrclass, ttl)
            else:
                records.append((owner, rrtype, ttl, read_data(message, rrtype, at, at + size)))
            at += size
        assert len(set(records)) == len(records), "a record twice in a section"
        sections.append(frozenset(records))
    assert at == len(message), "octets behind the end"
    limit = question.way[0] if question.way else 512
    assert len(message) <= limit, "longer than the client takes"
    assert bool(edns) == bool(question.way), "EDNS where there was none, or none where there was"
    return Answer(RCODES.get(flags & 15, flags & 15), bool(flags & 0x400), bool(flags & 0x200),
                  *sections, edns)


def show(answer):
    def line(record):
        owner, rrtype, ttl, data = record
        return "%s/%d/%s/%s" % (name_text(owner), ttl, NUMBERS.get(rrtype, rrtype),
                                name_text(data[1][0]) if isinstance(data, tuple) else data.hex()[:24])
    text = "%s%s%s" % (answer.rcode, " aa" if answer.aa else "", " tc" if answer.tc else "")
    for name in ("answer", "authority", "additional"):
        records = sorted(map(line, getattr(answer, name)))
        if records:
            text += " %s[%s%s]" % (name, " ".join(records[:6]),
                                   " +%d" % (len(records) - 6) if len(records) > 6 else "")
    return text


# ---- what differs and why it may ----

RULES = []
ZONES = set()


def rule(section, why):
    def add(judge):
        RULES.append((judge.__name__, section, why, judge))
        return judge
    return add


def less(ours, theirs):
    """Both say the same, but for the additional section."""
    return ours[:5] == theirs[:5]


def referral(answer):
    return not answer.aa and NS in {record[1] for record in answer.authority}


def targets(records, *rrtypes):
    return {record[3][1][0] for record in records if record[1] in rrtypes}


@rule("RFC 8482 4.1", "ANY: one RRset, and each server chooses which")
def any_choice(peer, question, ours, theirs):
    return question.type == ANY and ours.rcode == theirs.rcode and ours.aa == theirs.aa and \
        (theirs.answer > ours.answer or ours.answer and theirs.answer) and not theirs.authority


@rule("RFC 8482 4.1", "ANY where a DNAME answers: BIND is content with the CNAME that it makes")
def any_made_alias(peer, question, ours, theirs):
    return question.type == ANY and peer == "bind" and theirs.answer <= ours.answer and \
        theirs.rcode == "NOERROR" and not theirs.authority and DNAME in {record[1] for record in theirs.answer}


@rule("RFC 4035 2.5", "an NSEC may stand beside a CNAME, so some do not follow the alias for it")
def nsec_beside_alias(peer, question, ours, theirs):
    return question.type == NSEC and CNAME in {record[1] for record in ours.answer} and \
        not theirs.answer and theirs.rcode == "NOERROR" and peer in ("knot", "bind")


@rule("RFC 8482 7", "QTYPE RRSIG is a kind of ANY: all signatures of a name, some of them, or none")
def rrsig_choice(peer, question, ours, theirs):
    return question.type == RRSIG and ours.rcode == theirs.rcode and ours.aa == theirs.aa


@rule("RFC 1034 4.3.2 (3a)", "an alias is followed for each type but its own: NSD does not for NSEC3")
def nsec3_beside_alias(peer, question, ours, theirs):
    return question.type == NSEC3 and CNAME in {record[1] for record in ours.answer} and \
        not theirs.answer and theirs.rcode == "NOERROR" and peer == "nsd"


PROOFS = {NSEC, NSEC3, RRSIG}


def same_but_authority(ours, theirs):
    return ours.rcode == theirs.rcode and ours.aa == theirs.aa and ours.answer == theirs.answer


@rule("RFC 4034 3.1.3", "a name that a wildcard made may itself begin with an asterisk: Knot has no proof then")
def asterisk_made(peer, question, ours, theirs):
    return peer == "knot" and question.name[0] == b"*" and same_but_authority(ours, theirs) and \
        (ours.tc or theirs.authority < ours.authority) and \
        {record[1] for record in ours.authority - theirs.authority} <= PROOFS


@rule("RFC 4035 3.1.3.3", "an NSEC that a wildcard made needs the proof as any other: Knot has none")
def nsec_made(peer, question, ours, theirs):
    return peer == "knot" and question.type == NSEC and same_but_authority(ours, theirs) and \
        theirs.authority < ours.authority and \
        {record[1] for record in ours.authority - theirs.authority} <= PROOFS


@rule("RFC 4035 3.1.4.1", "only DS is answered by the parent's side of a cut: BIND gives the NSEC too")
def nsec_at_cut(peer, question, ours, theirs):
    return peer == "bind" and question.type == NSEC and referral(ours) and theirs.aa and \
        {record[1] for record in theirs.answer} <= {NSEC, RRSIG}


@rule("RFC 4035 3.1.3.2", "behind a DNAME, too, both are proved missing, the name and its wildcard: NSD proves one")
def dname_denial(peer, question, ours, theirs):
    return peer == "nsd" and DNAME in {record[1] for record in ours.answer} and \
        same_but_authority(ours, theirs) and (ours.tc or theirs.authority < ours.authority) and \
        {record[1] for record in ours.authority - theirs.authority} <= PROOFS


@rule("RFC 5155 7.2.1", "what opt-out left out has no NSEC3: the closest that has is proved, too; NSD does not")
def opt_out_encloser(peer, question, ours, theirs):
    return peer == "nsd" and b"optout" in question.zone and not ours.answer and \
        same_but_authority(ours, theirs) and (theirs.authority < ours.authority or b"empty" in lower(question.name)) and \
        {record[1] for record in ours.authority ^ theirs.authority} <= {NSEC3, RRSIG}


@rule("RFC 5155 7.2.3", "no data is proved by the NSEC3 of the name: NSD adds others for an asterisk's")
def nodata_more(peer, question, ours, theirs):
    return peer == "nsd" and question.name[0] == b"*" and same_but_authority(ours, theirs) and \
        ours.authority < theirs.authority and \
        {record[1] for record in theirs.authority - ours.authority} <= {NSEC3, RRSIG}


@rule("RFC 1034 3.6.2", "how many aliases are followed is each server's own; we follow 16")
def chain_length(peer, question, ours, theirs):
    if ours.answer == theirs.answer:  # we end where the chain does, and do not say what is there
        return sum(record[1] == CNAME for record in ours.answer) == 17 and not ours.authority
    return sum(record[1] == CNAME for record in ours.answer | theirs.answer) > 5 and \
        (ours.answer < theirs.answer or theirs.answer < ours.answer)


@rule("RFC 1034 4.3.2 (3a)", "the chain goes on in another zone of ours; some stop there, Knot with a referral")
def chain_other_zone(peer, question, ours, theirs):
    ends = targets(theirs.answer, CNAME) - {record[0] for record in theirs.answer}
    return peer in ("knot", "bind") and theirs.answer <= ours.answer and theirs.rcode == "NOERROR" and \
        bool(theirs.answer) and {record[1] for record in theirs.authority} <= {NS, DS} and \
        all(zone_of(end) != question.zone for end in ends) and bool(ends)


@rule("RFC 9471 3.1", "TC when in-domain glue does not fit; some leave it out in silence, or send a part")
def glue_over(peer, question, ours, theirs):
    return referral(ours) and ours.tc and ours.authority == theirs.authority and \
        ours.additional < theirs.additional


@rule("RFC 9471 3.2", "sibling glue may be left out, so may what a wildcard makes")
def glue_optional(peer, question, ours, theirs):
    anyone = ours.additional ^ theirs.additional
    cut = {record[0] for record in ours.authority if record[1] == NS}
    return referral(ours) and less(ours, theirs) and len(cut) == 1 and \
        all(not within(record[0], *cut) for record in anyone)


@rule("RFC 1034 4.3.2 (6), 9460 4.1", "what may be useful is added to an answer by some: addresses, and SVCB of targets, by us")
def additional_useful(peer, question, ours, theirs):
    one_has_more = ours.additional < theirs.additional or theirs.additional < ours.additional
    return ours.aa and ours.answer and less(ours, theirs) and one_has_more and \
        all(record[1] in (A, AAAA, RRSIG, SVCB, HTTPS) for record in ours.additional ^ theirs.additional)


@rule("RFC 2181 5", "Knot repeats addresses whose servers' names differ in case")
def additional_twice(peer, question, ours, theirs):
    return peer == "knot" and "twice" in theirs.rcode and lower(question.name)[-2:] == (b"types", b"test")


@rule("RFC 1035 4.1.4", "names in data may be compressed, so an answer may fit where ours is truncated")
def compression(peer, question, ours, theirs):
    return ours.tc and not theirs.tc and ours.rcode in ("NOERROR", theirs.rcode) and ours.answer <= theirs.answer and \
        {record[1] for record in theirs.answer} <= {CNAME, DNAME, question.type} and CNAME in \
        {record[1] for record in theirs.answer}


@rule("RFC 2181 9", "an RRset that does not fit is left out whole; BIND sends a part of it")
def part_of_rrset(peer, question, ours, theirs):
    return peer == "bind" and ours.tc and theirs.tc and ours.answer <= theirs.answer and \
        ours.authority <= theirs.authority and ours.rcode == theirs.rcode


@rule("RFC 2181 9", "a truncated answer is to be asked again: BIND empties it")
def truncated_empty(peer, question, ours, theirs):
    return peer == "bind" and theirs.tc and not theirs.answer and not theirs.authority and \
        ours.rcode == theirs.rcode and bool(ours.tc or question.way and question.way[1])


@rule("RFC 2181 9", "a truncated answer is to be asked again: what it still holds is each server's own")
def truncated_both(peer, question, ours, theirs):
    return ours.tc and theirs.tc and ours.rcode == theirs.rcode and \
        (bool(question.way) and question.way[1] or CNAME in {record[1] for record in ours.answer})


@rule("RFC 1035 4.1.4", "the names in a proof's signed data: an answer may fit where ours is truncated")
def compression_proof(peer, question, ours, theirs):
    return ours.tc and not theirs.tc and same_but_authority(ours, theirs) and \
        ours.authority < theirs.authority and bool(question.way) and question.way[1]


@rule("RFC 4035 3.1.4.1", "a DS stands beside its NS; in a zone without signatures the peers leave it out")
def ds_unsigned(peer, question, ours, theirs):
    return referral(ours) and question.way and question.way[1] and \
        ours.authority - theirs.authority == {r for r in ours.authority if r[1] == DS} and \
        theirs.authority <= ours.authority and (ours.rcode, ours.aa, ours.tc, ours.answer) == \
        (theirs.rcode, theirs.aa, theirs.tc, theirs.answer)


@rule("RFC 1034 3.6.2", "a chain that BIND gives up is SERVFAIL there, and what was found so far here")
def chain_failed(peer, question, ours, theirs):
    return peer == "bind" and theirs.rcode == "SERVFAIL" and ours.rcode == "NOERROR" and \
        theirs.answer == ours.answer and CNAME in {record[1] for record in ours.answer}


@rule("RFC 2181 5", "a loop of DNAMEs: each record once, NOERROR; others repeat them or fail")
def dname_loop(peer, question, ours, theirs):
    return sum(record[1] == DNAME for record in ours.answer) > 0 and ours.rcode == "NOERROR" and \
        ("twice" in theirs.rcode or theirs.rcode == "SERVFAIL")


@rule("RFC 4035 3.1.4.1", "a DS is asked of the parent, which here has no such name at all")
def ds_of_parent(peer, question, ours, theirs):
    return question.type == DS and peer == "nsd" and lower(question.name) == (b"in", b"tiny", b"test") and \
        ours.rcode == "NXDOMAIN" and theirs.rcode == "NOERROR" and ours.authority == theirs.authority


def zone_of(name):
    """The longest zone that holds a name, or None."""
    return next((name[i:] for i in range(len(name)) if name[i:] in ZONES), None)


def judge(peer, question, ours, theirs):
    if ours[:6] == theirs[:6]:
        return "same"
    for name, _, _, test in RULES:
        if test(peer, question, ours, theirs):
            return name
    return None


def differs(ours, theirs):
    """In what they differ, for not showing too much of one kind."""
    return [field for field in Answer._fields[:6] if getattr(ours, field) != getattr(theirs, field)] + \
        [theirs.rcode]


# ---- asking ----

class Server:
    def __init__(self, name, address):
        host, port = address.rsplit(":", 1)
        self.name, self.answers = name, {}
        self.socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        self.socket.connect((host, int(port)))

    def ask_all(self, questions, window=48, tries=6):
        """Asks each question, `window` at once; answers[i] are the octets, or None."""
        waiting, left, out = {}, list(range(len(questions)))[::-1], [None] * len(questions)
        tried = Counter()
        while waiting or left:
            while left and len(waiting) < window:
                i = left.pop()
                tried[i] += 1
                waiting[i & 0xffff] = (i, time.monotonic())
                self.socket.send(ask(i & 0xffff, questions[i]))
            if not select.select([self.socket], [], [], 0.5)[0]:
                for ident, (i, when) in list(waiting.items()):
                    if time.monotonic() - when > 1.0:
                        del waiting[ident]
                        if tried[i] < tries:
                            left.append(i)
                continue
            try:
                message = self.socket.recv(65535)
            except ConnectionRefusedError:
                continue
            ident = struct.unpack(">H", message[:2])[0]
            if ident in waiting:  # and not the late answer to a question before
                i = waiting[ident][0]
                end = 12 + name_bytes(questions[i].name) + 4
                if message[12:end] == ask(0, questions[i])[12:end]:
                    out[i] = message
                    del waiting[ident]
        return out


def names_of(path):
    """The names that a zone file gives reason to ask for."""
    origin = name_from_text(re.sub(r".*/|\.zone$", "", path))
    with open(path, encoding="ascii") as zone:
        text = "$ORIGIN %s\n%s" % (name_text(origin), zone.read())
    flat = subprocess.run(["ldns-read-zone", "/dev/stdin"], input=text, check=True,
                          capture_output=True, text=True).stdout
    owners = {name_from_text(line.split()[0]) for line in flat.splitlines()}
    names, written = set(owners), frozenset(owners)
    owners = {owner for owner in owners if not HASHED.fullmatch(owner[0])}  # RFC 5155 7.2.8
    for owner in owners:
        for i in range(len(owner) - len(origin)):
            names.add(owner[i:])
    for owner in sorted(owners | {name for name in names if len(name) <= 8 and not HASHED.fullmatch(name[0])}):
        names |= {(b"nx",) + owner, (b"*",) + owner, (b"a", b"b") + owner, owner[:1] + (b"q",) + owner[1:],
                  tuple(label.swapcase() for label in owner)}
    return origin, sorted(name for name in names if name_bytes(name) <= 255 and within(name, origin)), written


class Tally:
    """What was compared so far, and which differences were shown."""

    def __init__(self, options, servers):
        self.options, self.servers = options, servers
        self.passed = self.failed = 0
        self.counts, self.shown = Counter(), Counter()

    def compare_all(self, questions):
        raw = [server.ask_all(questions) for server in self.servers]
        for i, question in enumerate(questions):
            self.compare(question, [messages[i] for messages in raw])

    def compare(self, question, messages):
        answers, bad = [], []
        for message in messages:
            if answers and message and messages[0] and message[2:] == messages[0][2:]:
                answers.append(answers[0])  # octet for octet
                continue
            try:
                answers.append(read(message, question) if message else TIMEOUT)
            except (AssertionError, struct.error, IndexError) as error:
                answers.append(TIMEOUT._replace(rcode="%s: %s" % (type(error).__name__, error)))
        for server, theirs in zip(self.servers[1:], answers[1:]):
            found = judge(server.name, question, answers[0], theirs)
            self.counts[server.name, found or "unexplained"] += 1
            if not found:
                bad.append((server.name, theirs))
        self.passed, self.failed = self.passed + (not bad), self.failed + bool(bad)
        if bad:
            self.tell(question, answers[0], bad)

    def tell(self, question, ours, bad):
        text = "%s %s %s" % (name_text(question.name), NUMBERS.get(question.type, question.type), question.way)
        kinds = [(name, *differs(ours, theirs)) for name, theirs in bad]
        if sum(self.shown.values()) >= self.options.show or all(self.shown[kind] >= 2 for kind in kinds) or \
                (self.options.only and self.options.only not in text):
            return
        self.shown.update(kinds)
        print("FAIL %s\n       millrace: %s" % (text, show(ours)))
        for name, theirs in bad:
            print("       %s: %s" % (name, show(theirs)))


def questions_of(zones, thin):
    """Every name, type and way; zones: [(origin, names, written)]. Thin: names that the file does not have
    (ancestors, and what is made beside and below) are asked every third type in one way, others each time."""
    turn = itertools.count()
    for zone, names, written in zones:
        signed = zone[-2:] == (b"sign", b"test")
        types = [TYPES[text] for text in SIGNED_TYPES] if signed else \
            [number for number in TYPES.values() if number not in (RRSIG, NSEC3, NSEC3PARAM)]
        for name in names:
            for rrtype in types:
                ways = SIGNED_WAYS if signed else WAYS
                if thin and name not in written:
                    number = next(turn)
                    ways = (ways[number // 3 % len(ways)],) if number % 3 == 0 else ()
                yield from (Question(zone, name, rrtype, way) for way in ways)


def questions_at_random(zones, count, chance):
    """Names of the zones with labels put in, taken out and changed; any type, any way, any case."""
    soup = sorted({label for _, names, _ in zones for name in names for label in name})
    for _ in range(count):
        zone, names, _ = chance.choice(zones)
        name = list(chance.choice(names))
        host, apex = name[:len(name) - len(zone)], name[len(name) - len(zone):]
        for _ in range(chance.choice((0, 0, 1, 1, 2, 3))):
            at = chance.randrange(len(host) + 1)
            host[at:at + chance.randrange(2)] = chance.choice(
                ([], [chance.choice(soup)], [b"*"], [bytes(chance.randrange(256) for _ in range(chance.randrange(1, 9)))]))
        if name_bytes(host + apex) > 255 or any(map(HASHED.fullmatch, lower(host))):  # see names_of
            continue
        name = tuple(bytes(c ^ 32 if chr(c).isalpha() and c < 128 and chance.random() < .5 else c for c in label)
                     for label in host + apex)
        types = [number for number in TYPES.values() if number != ANY and
                 (zone[-2:] == (b"sign", b"test") or number not in (RRSIG, NSEC3, NSEC3PARAM))]
        yield Question(zone, name, chance.choice(types), chance.choice(WAYS))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--ours", required=True)
    parser.add_argument("--peer", action="append", default=[])
    parser.add_argument("--show", type=int, default=20)
    parser.add_argument("--random", type=int, default=0, help="so many questions at random, and (but with --thin) not all there are")
    parser.add_argument("--thin", action="store_true",
                        help="all there are, but of names that no file has a part only")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", help="show only questions whose text has this")
    parser.add_argument("zones", nargs="+")
    options = parser.parse_args()

    zones = [names_of(path) for path in options.zones]
    ZONES.update(lower(zone) for zone, _, _ in zones)
    tally = Tally(options, [Server("millrace", options.ours)] +
                  [Server(*peer.split("=", 1)) for peer in options.peer])
    questions = questions_at_random(zones, options.random, random.Random(options.seed))
    if options.thin or not options.random:
        questions = itertools.chain(questions_of(zones, options.thin), questions)
    while some := list(itertools.islice(questions, 50000)):
        tally.compare_all(some)
    for name, section, why, _ in RULES:
        applied = sum(count for (_, found), count in tally.counts.items() if found == name)
        print("%7d %s (%s): %s" % (applied, name, section, why))
        if not applied and (options.thin or not options.random):
            print("FAIL the rule %s never applied" % name)
            tally.failed += 1
    for key, count in sorted(tally.counts.items()):
        print("%7d %s %s" % (count, *key))
    print("%d passed, %d failed" % (tally.passed, tally.failed))
    return tally.failed > 0 or tally.passed == 0


if __name__ == "__main__":
    sys.exit(main())
