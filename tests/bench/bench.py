# SPDX-License-Identifier: Apache-2.0
# bench - what the benches share: processes with logs, their end, the machine. Import it.
#
# Owner: one bench at a time; Bench.close() ends what was started and removes the folder, also after a failure.
import json, os, platform, re, shutil, signal, statistics, subprocess, sys, tempfile, time

top = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
last_cpu = os.cpu_count() - 1


def note(text):
    print(text, file=sys.stderr, flush=True)


def median(values):
    return round(statistics.median(values))


def tsc_hz():
    for line in open("/proc/cpuinfo"):
        found = re.match(r"model name.*@ ([0-9.]+)GHz", line)
        if found:
            return float(found.group(1)) * 1e9
    for line in subprocess.run(["lscpu"], capture_output=True, text=True).stdout.splitlines():
        if line.startswith("BogoMIPS"):  # twice the TSC's rate where the TSC is constant
            return float(line.split()[1]) * 5e5
    return None


def machine():
    cpu = next((l.split(":", 1)[1].strip() for l in open("/proc/cpuinfo") if l.startswith("model name")), "?")
    return {"cpu": cpu, "cpus": os.cpu_count(), "kernel": platform.release()}


def commit():
    return subprocess.run(["git", "-C", top, "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()


class Bench:
    def __init__(self, realtime, niceness=-20):
        # Before whatever else the machine does; realtime before all, but the kernel stops that for 50 ms in each second.
        self.front = ["chrt", "-r", "1"] if realtime else ["nice", "-n", str(niceness)]
        self.folder = tempfile.mkdtemp(prefix="millrace-bench-")
        self.running = []
        self.pages_before = None
        build = os.path.join(top, os.environ.get("MILLRACE_BUILD", "build"))
        self.millgen, self.millraced, self.millctl = (os.path.join(build, "app", p) for p in ("millgen", "millraced", "millctl"))

    def start(self, name, command, **more):
        log = open(os.path.join(self.folder, name + ".log"), "w")
        process = subprocess.Popen(self.front + command, stderr=subprocess.STDOUT, stdout=log, text=True, **more)
        process.log = log.name
        self.running.append(process)
        return process

    def log_of(self, process):
        return open(process.log).read()

    def wait_for(self, what, process, limit_s, condition):
        until = time.monotonic() + limit_s
        while not condition():
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError("%s: %s" % (what, self.log_of(process)[-2000:]))
            time.sleep(0.05)

    def stop(self, process, how=signal.SIGTERM, limit_s=20):
        if process.poll() is None:
            process.send_signal(how)
            try:
                process.wait(limit_s)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.running.remove(process)

    def finish(self, process, limit_s=25):
        """waits for one whose result is in already: a slow farewell is told, not fatal"""
        try:
            process.wait(limit_s)
        except subprocess.TimeoutExpired:
            note("%s did not end by itself: %s" % (process.args, self.log_of(process)[-500:]))
        self.stop(process)

    def lines_of(self, process):
        """the JSON lines that it has written"""
        return [json.loads(line) for line in self.log_of(process).splitlines() if line.startswith("{")]

    def close(self):
        for process in list(self.running):
            self.stop(process)
        if self.pages_before is not None:
            open("/proc/sys/vm/nr_hugepages", "w").write(str(self.pages_before))
        shutil.rmtree(self.folder, ignore_errors=True)

    def hugepages(self, wanted_bytes):
        """sees to it that so much is free in hugepages; close() gives back what is taken for it"""
        number = {l.split(":")[0]: int(l.split()[1]) for l in open("/proc/meminfo") if l.startswith("HugePages_")}
        missing = -(-wanted_bytes >> 21) - number["HugePages_Free"]
        if missing <= 0:
            return
        if self.pages_before is None:
            self.pages_before = number["HugePages_Total"]
        open("/proc/sys/vm/nr_hugepages", "w").write(str(number["HugePages_Total"] + missing))
        if int(open("/proc/sys/vm/nr_hugepages").read()) < number["HugePages_Total"] + missing:
            raise RuntimeError("the machine has no %d MiB in hugepages" % (wanted_bytes >> 20))

    def memory(self):
        """millctl's account, by name"""
        text = subprocess.run([self.millctl, "--socket", os.path.join(self.folder, "ctl.sock"), "--json", "show", "memory"],
                              capture_output=True, text=True, check=True).stdout
        return {row["memory"]: row for row in json.loads(text)["memory"]}

    def serve(self, config, poll="busy", port=""):
        """starts millraced with one worker on CPU 0, a memif server's port, and what config and port add"""
        path = os.path.join(self.folder, "millraced.yaml")
        with open(path, "w") as out:
            out.write("""name: bench
poll: %s
cpus: {workers: [0], control: %d}
ports: [{name: gen, memif: %s/server.sock, role: server, mac: "02:00:00:00:00:53"%s}]
control: {socket: %s/ctl.sock}
%s""" % (poll, last_cpu, self.folder, ", " + port if port else "", self.folder, config))
        process = self.start("millraced", [self.millraced, "--config", path])
        self.wait_for("millraced", process, 120, lambda: "serves:" in self.log_of(process))
        return process

    def generate(self, limit_s, mode, *more, linger_s=25):
        """runs millgen to its end and returns its last JSON line"""
        process = self.start("millgen", [self.millgen, mode, "--port", "memif:%s/server.sock" % self.folder, "--cpus", str(last_cpu),
                                         "--json", "--quiet", *more])
        self.wait_for("millgen", process, limit_s, lambda: process.poll() is not None or '"result"' in self.log_of(process))
        self.finish(process, linger_s)
        lines, text = self.lines_of(process), self.log_of(process)
        if not lines or lines[-1].get("type") != "result":
            raise RuntimeError("millgen: " + text[-2000:])
        return lines[-1]

    def counters(self, module):
        """one module's counters, by name, added over its scopes"""
        text = subprocess.run([self.millctl, "--socket", os.path.join(self.folder, "ctl.sock"), "--json", "show", "counters", module + "."],
                              capture_output=True, text=True, check=True).stdout
        return {row["counter"].split(".")[-1]: row["value"] for row in json.loads(text)["counters"]}

    def resident_bytes(self, process):
        """resident and hugetlb memory of a process, by the system's account"""
        text = open("/proc/%d/status" % process.pid).read()
        return sum(int(re.search(r"^%s:\s+(\d+) kB" % key, text, re.M).group(1)) * 1024 for key in ("VmRSS", "HugetlbPages"))
