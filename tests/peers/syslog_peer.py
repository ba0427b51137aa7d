"""logger, rsyslog and syslog-ng deliver into the syslog input: RFC 3164 and 5424, both framings, TLS, UDP.

The daemons are unpacked from their packages, never installed: two of them do not fit on one machine, and none must be started
by its installation. They run in the foreground with a configuration of ours and end with the test.
"""
import contextlib, os, pathlib, re, shutil, signal, socket, subprocess, time

from harness import CACHE, Logboom, call, certificates, check_exactly_once, skip, wait_for

PIPELINE = """
input { syslog { host => "127.0.0.1" port => %d timezone => "UTC" %s } }
output { file { path => "${OUT}" } }
"""
TAG = "peer"
CUT = re.compile(r"(\d+) datagrams were taken, (\d+) dropped by the kernel, (\d+) cut")


def free_port_of_both():
    """A port that neither TCP nor UDP uses."""
    for _ in range(100):
        with socket.socket() as tcp, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            tcp.bind(("127.0.0.1", 0))
            with contextlib.suppress(OSError):
                udp.bind(tcp.getsockname())
                return tcp.getsockname()[1]
    raise AssertionError("no port is free for TCP and UDP")


def unpacked(*packages):
    """The root folder of these Debian packages, fetched by apt and unpacked once."""
    folder = CACHE / ("unpacked-" + packages[0])
    if folder.exists():
        return folder
    making = CACHE / ("unpacked-" + packages[0] + ".new")
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir(parents=True)
    if shutil.which("apt-get") is None:
        skip("apt-get is not there to fetch " + packages[0])
    call("apt-get", "download", *packages, cwd=making)
    for package in making.glob("*.deb"):
        call("dpkg-deb", "-x", package.name, ".", cwd=making)
    making.rename(folder)
    return folder


def write_lines(work, n):
    path = work / "lines.txt"
    with open(path, "w") as f:
        f.writelines("this is event number %d\n" % i for i in range(n))
    return path


@contextlib.contextmanager
def daemon(work, *command):
    """A process in the foreground; ended by SIGTERM."""
    with open(work / "daemon.log", "wb") as log:
        process = subprocess.Popen([str(c) for c in command], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def check_fields(events, is_rfc5424, has_program=True):
    """Every line was parsed, and as the form that was meant."""
    for event in events:
        assert "tags" not in event, "a line was not parsed: %r" % event
        assert ("version" in event["log"]["syslog"]) == is_rfc5424, event
        assert event["log"]["syslog"]["priority"] == 133, event  # local0.notice
        assert event["log"]["syslog"]["facility"]["name"] == "local0", event
        assert event["host"]["ip"] == "127.0.0.1" and event["host"]["hostname"], event
        assert not has_program or event["process"]["name"] == TAG, event


def deliver(n, work, send, is_rfc5424, options=""):
    """Runs send(port), a context manager, until everything has come out once."""
    port = free_port_of_both()
    with Logboom(work, PIPELINE % (port, options)) as server:
        server.wait_for_port(port)
        with send(port):
            wait_for("%d events" % n, lambda: server.lines() >= n, 60 + n / 2000)
    events = server.events()
    check_exactly_once(events, n, "message")
    check_fields(events, is_rfc5424)
    return "%d events" % n


def deliver_udp(n, work, send, is_rfc5424):
    """The same over UDP: what did not come out was dropped by the kernel, which has counted it."""
    port = free_port_of_both()
    with Logboom(work, PIPELINE % (port, "")) as server:
        server.wait_for_port(port)
        with send(port):
            quiet_since, seen = time.monotonic(), 0

            def is_quiet():
                nonlocal quiet_since, seen
                now = server.lines()
                if now != seen or now == 0:
                    quiet_since, seen = time.monotonic(), now
                return seen >= n or time.monotonic() - quiet_since > 3

            wait_for("%d datagrams" % n, is_quiet, 60 + n / 2000)
    found = CUT.search(server.log_text())
    assert found, "logboom did not say what it took:\n" + server.log_text()[-2000:]
    taken, dropped, cut = map(int, found.groups())
    events = server.events()
    assert len({event["message"] for event in events}) == len(events), "datagrams were doubled"
    assert len(events) == taken, "%d of %d datagrams came out" % (len(events), taken)
    assert cut == 0
    assert taken + dropped == n, "%d sent, %d taken, %d dropped by the kernel" % (n, taken, dropped)
    check_fields(events, is_rfc5424)
    return "%d events, %d dropped by the kernel" % (taken, dropped)


# ---- logger (bsdutils) ----

def logger(lines, *flags):
    @contextlib.contextmanager
    def send(port):
        call("logger", "--server", "127.0.0.1", "--port", str(port), "-p", "local0.notice", "-t", TAG, "-f", str(lines), *flags)
        yield
    return send


def run_logger_3164(n, work):
    return deliver(n, work, logger(write_lines(work, n), "--tcp", "--rfc3164"), False)


def run_logger_3164_counted(n, work):
    return deliver(n, work, logger(write_lines(work, n), "--tcp", "--rfc3164", "--octet-count"), False)


def run_logger_5424(n, work):
    return deliver(n, work, logger(write_lines(work, n), "--tcp", "--rfc5424"), True)


def run_logger_5424_counted(n, work):
    return deliver(n, work, logger(write_lines(work, n), "--tcp", "--rfc5424", "--octet-count"), True)


def run_logger_3164_udp(n, work):
    return deliver_udp(n, work, logger(write_lines(work, n), "--udp", "--rfc3164"), False)


def run_logger_5424_udp(n, work):
    return deliver_udp(n, work, logger(write_lines(work, n), "--udp", "--rfc5424"), True)


# ---- rsyslog ----

def rsyslog(work, lines, template, forward, settings=""):
    root = unpacked("rsyslog", "rsyslog-gnutls")
    modules = next(root.glob("usr/lib/*/rsyslog"))

    @contextlib.contextmanager
    def send(port):
        state = work / "rsyslog-state"
        state.mkdir()
        config = work / "rsyslog.conf"
        config.write_text("""
global(workDirectory="%s" %s)
module(load="imfile" mode="inotify")
input(type="imfile" file="%s" tag="%s:" facility="local0" severity="notice")
action(type="omfwd" target="127.0.0.1" port="%d" template="%s" action.resumeRetryCount="-1" %s)
""" % (state, settings, lines, TAG, port, template, forward))
        with daemon(work, root / "usr/sbin/rsyslogd", "-n", "-f", config, "-i", work / "rsyslog.pid", "-M", modules) as process:
            assert process.poll() is None, (work / "daemon.log").read_text()
            yield
    return send


OLD, NEW = "RSYSLOG_ForwardFormat", "RSYSLOG_SyslogProtocol23Format"
BSD = "RSYSLOG_TraditionalForwardFormat"


def run_rsyslog_3164(n, work):
    return deliver(n, work, rsyslog(work, write_lines(work, n), BSD, 'protocol="tcp"'), False)


def run_rsyslog_iso_time_counted(n, work):
    forward = 'protocol="tcp" TCP_Framing="octet-counted"'
    return deliver(n, work, rsyslog(work, write_lines(work, n), OLD, forward), False)


def run_rsyslog_5424(n, work):
    return deliver(n, work, rsyslog(work, write_lines(work, n), NEW, 'protocol="tcp"'), True)


def run_rsyslog_5424_counted(n, work):
    forward = 'protocol="tcp" TCP_Framing="octet-counted"'
    return deliver(n, work, rsyslog(work, write_lines(work, n), NEW, forward), True)


def run_rsyslog_5424_udp(n, work):
    return deliver_udp(n, work, rsyslog(work, write_lines(work, n), NEW, 'protocol="udp"'), True)


def tls_options(tls):
    return 'ssl_enabled => true ssl_certificate => "%s/server.pem" ssl_key => "%s/server.key"' % (tls, tls)


def run_rsyslog_tls(n, work):
    tls = certificates()
    settings = 'defaultNetstreamDriver="gtls" defaultNetstreamDriverCAFile="%s/ca.pem"' % tls
    forward = ('protocol="tcp" TCP_Framing="octet-counted" streamDriver="gtls" streamDriverMode="1" '
               'streamDriverAuthMode="x509/name" streamDriverPermittedPeers="localhost"')
    return deliver(n, work, rsyslog(work, write_lines(work, n), NEW, forward, settings), True, tls_options(tls))


# ---- syslog-ng ----

def syslog_ng(work, lines, destination):
    root = unpacked("syslog-ng-core")
    libraries = [str(p) for p in root.glob("usr/lib/*") if p.is_dir()] + [str(root / "usr/lib/syslog-ng")]
    modules = next(root.glob("usr/lib/syslog-ng/*/libaffile.so")).parent

    @contextlib.contextmanager
    def send(port):
        config = work / "syslog-ng.conf"
        config.write_text("""
@version: 3.38
options { keep-hostname(yes); stats-freq(0); };
source lines { file("%s" flags(no-parse) follow-freq(0.1) default-facility(local0) default-priority(notice)); };
rewrite named { set("%s" value("PROGRAM")); set("peerhost" value("HOST")); };
destination logboom { %s };
log { source(lines); rewrite(named); destination(logboom); flags(flow-control); };
""" % (lines, TAG, destination % {"port": port}))
        environment = "LD_LIBRARY_PATH=" + ":".join(libraries)
        with daemon(work, "env", environment, root / "usr/sbin/syslog-ng", "-F", "-f", config, "-R", work / "ng.persist",
                    "-c", work / "ng.ctl", "-p", work / "ng.pid", "--no-caps", "--module-path", modules) as process:
            assert process.poll() is None, (work / "daemon.log").read_text()
            yield
    return send


def run_syslog_ng_3164(n, work):
    return deliver(n, work, syslog_ng(work, write_lines(work, n), 'network("127.0.0.1" port(%(port)d) transport("tcp"));'), False)


def run_syslog_ng_5424(n, work):
    destination = 'network("127.0.0.1" port(%(port)d) transport("tcp") flags(syslog-protocol));'
    return deliver(n, work, syslog_ng(work, write_lines(work, n), destination), True)


def run_syslog_ng_5424_counted(n, work):
    return deliver(n, work, syslog_ng(work, write_lines(work, n), 'syslog("127.0.0.1" port(%(port)d) transport("tcp"));'), True)


def run_syslog_ng_3164_udp(n, work):
    destination = 'network("127.0.0.1" port(%(port)d) transport("udp"));'
    return deliver_udp(n, work, syslog_ng(work, write_lines(work, n), destination), False)


def run_syslog_ng_tls(n, work):
    tls = certificates()
    destination = ('syslog("127.0.0.1" port(%%(port)d) transport("tls") tls(ca-file("%s/ca.pem") peer-verify(required-trusted)));'
                   % tls)
    return deliver(n, work, syslog_ng(work, write_lines(work, n), destination), True, tls_options(tls))
