#!/usr/bin/env bash
# The real servers and parsers that the tests talk to: plain processes on loopback, nothing installed on the machine.
#
#   backends.sh install [NAME...]   fetch and unpack what is missing (no NAME: all)
#   backends.sh start NAME [PORT]   start with a fresh data directory, wait until it is ready, print its URL
#   backends.sh start --keep NAME   start again with the data and the ports of its last start
#   backends.sh stop NAME|all       end it, as an init system does: TERM, and KILL if that takes more than 10 s
#   backends.sh kill NAME           end it by KILL
#   backends.sh url NAME [ROLE]     its address; ROLE names another of its listeners
#   backends.sh target NAME JOB HOST:PORT [PATH[?KEY=VALUE] [PROTOCOL]]
#                                   let a Prometheus scrape that target; PROTOCOL (prometheus3): text0 text1 om proto,
#                                   or tls where PROM_CA and PROM_TOKEN were set at the start; text1 and om also
#                                   with the names' escaping behind a dash: om-dots text1-values
#   backends.sh package NAME FILE   where a file of an installed package is
#   backends.sh log|dir NAME        what it printed; where it keeps its files
#   backends.sh status|version|names
#
#   prometheus     Prometheus 2.42, from Debian 12
#   prometheus3    Prometheus 3, from a newer Debian; with it promtool: pkg/forky/usr/bin/promtool
#   victoria-new   VictoriaMetrics, from the same; roles: main write opentsdb
#   nginx          a switch for faults in front of another server, NGINX_UPSTREAM (http://host:port); roles: main, and
#                  control, a directory: while it holds a file of this name, requests are answered so: 429 (with
#                  Retry-After: 1), 503, some (one in five by 503), drop (closed without a word)
#   faketime       libfaketime, which sets the clock of one process (install only): libfaketimeMT.so.1
#   python         a virtual environment with Prometheus' own Python parsers, and its protobuf messages as the module
#                  metrics_pb2 (install only): venv/bin/python; with it the tests of two releases of these parsers:
#                  python-tests/*/tests
#   apptuit        a virtual environment with Apptuit's own Python client (install only): venv-apptuit/bin/python
#
# Several copies of one server are NAME:TAG, as in "start prometheus:a" and "start prometheus:b". A Prometheus with the tag
# "classic" takes no native histograms, others do.
# BACKENDS_DIR is where everything is kept: target/backends of the checkout unless it is set.
# PROM_INTERVAL (1s), PROM_FLAGS, PROM_FEATURES (what --enable-feature says) and VM_FLAGS change a start. PROM_CA, a file, is whom Prometheus trusts where it scrapes
# by tls, and PROM_TOKEN the token that it shows there.
set -eu

checkout=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
BACKENDS_DIR=${BACKENDS_DIR:-$checkout/target/backends}
mkdir -p "$BACKENDS_DIR"
BACKENDS_DIR=$(cd "$BACKENDS_DIR" && pwd)
pkg=$BACKENDS_DIR/pkg
run=$BACKENDS_DIR/run

OLD_SUITE=bookworm # the Debian whose Prometheus still reads as all did before UTF-8 names
NEW_SUITE=forky    # a Debian whose binaries run on the old one: they ask for glibc 2.34
PROMETHEUS_CLIENT=0.26.0
APPTUIT=2.4.2         # the last release, and with it the last of pyformance
GRPCIO_TOOLS=1.85.1 # a protobuf compiler that writes Python, and what that needs

SERVERS='prometheus prometheus3 victoria-new nginx'

say() { printf '%s\n' "$*" >&2; }
die() { say "backends: $*"; exit 1; }

# --- packages ---------------------------------------------------------------

# apt settings of their own for one suite, so that the machine's are left as they are and nobody needs to be root:
# the machine's first package source, pointed at that suite. TYPE deb-src: for sources of packages instead.
apt_conf() { # SUITE [TYPE]
  local suite=$1 type=${2:-deb} source=''
  local d=$BACKENDS_DIR/apt/$suite${2:+-$2}
  [ -s "$d/apt.conf" ] && { echo "$d/apt.conf"; return; }
  mkdir -p "$d/lists/partial" "$d/cache/archives/partial"
  : > "$d/status"
  for source in /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list.d/*.sources; do
    [ -s "$source" ] && break
  done
  if [ -s "$source" ]; then
    source_of_suite "$suite" "$type" < "$source" > "$d/suite.sources"
    source=$d/suite.sources
  else
    sed -nE "s/^deb(( \[[^]]*\])? [^ ]+) [^ ]+ .*/$type\1 $suite main/p" /etc/apt/sources.list 2> /dev/null | head -1 > "$d/suite.list"
    source=$d/suite.list
  fi
  [ -s "$source" ] || die "found no Debian package source on this machine"
  printf '%s\n' "Dir::Etc::sourcelist \"$source\";" 'Dir::Etc::sourceparts "-";' "Dir::State::lists \"$d/lists\";" \
    "Dir::State::status \"$d/status\";" "Dir::Cache \"$d/cache\";" 'APT::Sandbox::User "root";' > "$d/apt.conf.new"
  apt-get -q -c "$d/apt.conf.new" update > "$d/update.log" 2>&1 || die "cannot read the package lists of $suite: $(tail -n 1 "$d/update.log")"
  mv "$d/apt.conf.new" "$d/apt.conf"
  echo "$d/apt.conf"
}

# The first paragraph of a .sources file, for another suite and type.
source_of_suite() {
  awk 'BEGIN { RS = "" } NR == 1' |
    sed -E "s/^Types:.*/Types: $2/; s/^Suites:.*/Suites: $1/; s/^Components:.*/Components: main/"
}

# unpack SUITE PACKAGE... : download the packages and unpack them under pkg/SUITE
unpack() {
  local suite=$1 conf p d; shift
  mkdir -p "$pkg/$suite"
  for p in "$@"; do
    [ -e "$pkg/$suite/.has-$p" ] && continue
    conf=$(apt_conf "$suite")
    d=$BACKENDS_DIR/debs/$suite/$p
    rm -rf "$d"; mkdir -p "$d"
    (cd "$d" && apt-get -q -c "$conf" download "$p" > get.log 2>&1) ||
      die "cannot download $p from $suite: $(tail -n 1 "$d/get.log")"
    dpkg -x "$d"/*.deb "$pkg/$suite"
    echo "$p $(dpkg-deb -f "$d"/*.deb Version) ($suite)" >> "$BACKENDS_DIR/versions"
    rm -f "$d"/*.deb
    : > "$pkg/$suite/.has-$p"
  done
}

# python_venv : the parsers, in a virtual environment whose directory appears only when it is whole
python_venv() {
  local d=$BACKENDS_DIR/venv log=$BACKENDS_DIR/venv.log
  "$d/bin/python" -c "import pytest, importlib.metadata as m; assert m.version('prometheus-client') == '$PROMETHEUS_CLIENT'" \
    2> /dev/null && return
  rm -rf "$d"
  "$(python_with_venv)" -m venv "$d" > "$log" 2>&1 || die "cannot make a Python virtual environment (see $log)"
  "$d/bin/python" -m pip install --disable-pip-version-check "prometheus-client==$PROMETHEUS_CLIENT" pytest \
    >> "$log" 2>&1 || die "cannot install prometheus-client (see $log)"
}

# python_tests : the client's own tests: of the release that is installed, and, as that comes without those of OpenMetrics,
# of the one whose source Debian keeps whole
python_tests() {
  local d=$BACKENDS_DIR/python-tests log=$BACKENDS_DIR/python-tests.log archive conf
  [ -d "$d" ] && return
  rm -rf "$d.new"; mkdir -p "$d.new"
  "$BACKENDS_DIR/venv/bin/python" -m pip download --disable-pip-version-check --no-deps --no-binary :all: -d "$d.new" \
    "prometheus-client==$PROMETHEUS_CLIENT" > "$log" 2>&1 || die "cannot download prometheus-client's source (see $log)"
  conf=$(apt_conf "$NEW_SUITE" deb-src)
  (cd "$d.new" && apt-get -q -c "$conf" source --download-only --tar-only python-prometheus-client >> "$log" 2>&1) ||
    die "cannot download the source of python-prometheus-client (see $log)"
  for archive in "$d.new"/*.tar.*; do tar -xf "$archive" -C "$d.new" && rm "$archive"; done
  mv "$d.new" "$d"
}

# python_messages : the published schema of Prometheus' protobuf format as a module of that environment
python_messages() {
  local python=$BACKENDS_DIR/venv/bin/python log=$BACKENDS_DIR/venv.log
  local schema=$pkg/$NEW_SUITE/usr/share/gocode/src/github.com/prometheus/client_model/io/prometheus/client/metrics.proto
  "$python" -c 'import metrics_pb2' 2> /dev/null && return
  unpack "$NEW_SUITE" golang-github-prometheus-client-model-dev
  "$python" -m pip install --disable-pip-version-check "grpcio-tools==$GRPCIO_TOOLS" >> "$log" 2>&1 ||
    die "cannot install grpcio-tools (see $log)"
  compile_messages "$python" "$schema" >> "$log" 2>&1 || die "cannot compile $schema (see $log)"
}

compile_messages() { # PYTHON SCHEMA
  "$1" - "$2" << 'PY'
import os, sys, sysconfig, grpc_tools
from grpc_tools import protoc
folder, schema = os.path.split(sys.argv[1])
well_known = os.path.join(os.path.dirname(grpc_tools.__file__), "_proto")
where = sysconfig.get_path("purelib")
sys.exit(protoc.main(["", f"-I{folder}", f"-I{well_known}", f"--python_out={where}", schema]))
PY
}

# apptuit_venv : the client, apart from the others: it needs a setuptools that still has pkg_resources
apptuit_venv() {
  local d=$BACKENDS_DIR/venv-apptuit log=$BACKENDS_DIR/venv-apptuit.log
  "$d/bin/python" -c "import apptuit.pyformance, importlib.metadata as m; assert m.version('apptuit') == '$APPTUIT'" \
    2> /dev/null && return
  rm -rf "$d"
  "$(python_with_venv)" -m venv "$d" > "$log" 2>&1 || die "cannot make a Python virtual environment (see $log)"
  "$d/bin/python" -m pip install --disable-pip-version-check 'setuptools<81' "apptuit[pyformance]==$APPTUIT" \
    pyformance==0.4 >> "$log" 2>&1 || die "cannot install apptuit (see $log)"
}

# The first Python that can make a virtual environment: the user's own may be built without.
python_with_venv() {
  local python
  for python in python3 /usr/bin/python3; do
    "$python" -c 'import ensurepip, venv' 2> /dev/null && { echo "$python"; return; }
  done
  die "no Python with venv here: install the Debian package python3-venv"
}

install_one() {
  case $1 in
    prometheus)   unpack "$OLD_SUITE" prometheus ;;
    prometheus3)  unpack "$NEW_SUITE" prometheus promtool ;;
    victoria-new) unpack "$NEW_SUITE" victoria-metrics ;;
    nginx)        unpack "$OLD_SUITE" nginx ;;
    faketime)     unpack "$OLD_SUITE" libfaketime ;;
    python)       python_venv; python_messages; python_tests ;;
    apptuit)      apptuit_venv ;;
    *) die "no such server: $1 (there are: $SERVERS faketime python apptuit)" ;;
  esac
}

package_file() { # NAME FILE
  local found; found=$(find "$pkg/$OLD_SUITE" "$pkg/$NEW_SUITE" -name "$2" -print -quit 2> /dev/null)
  [ -n "$found" ] || die "no $2 here: install $1 first"
  echo "$found"
}

# --- processes --------------------------------------------------------------

base() { echo "${1%%:*}"; }
dir() { echo "$run/${1/:/+}"; }
role() { echo "$2" > "$(dir "$1")/url.$3"; } # NAME URL ROLE
started_at() { sed 's/.*) //' "/proc/$1/stat" 2> /dev/null | cut -d' ' -f20; }
http() { curl -fsS -m 2 -o /dev/null "$1"; }

# free_ports N [FIRST] : N free TCP ports on loopback, FIRST being the first
free_ports() {
  python3 - "$@" << 'PY'
import socket, sys
count, first = int(sys.argv[1]), int(sys.argv[2] or 0) if len(sys.argv) > 2 else 0
held = []
for i in range(count):
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("127.0.0.1", first if i == 0 else 0))
    held.append(s)
print(*(s.getsockname()[1] for s in held))
PY
}

# ports NAME N [FIRST] : those of its last start if its data was kept, free ones otherwise
ports() {
  local file; file=$(dir "$1")/ports
  [ -s "$file" ] || free_ports "$2" "${3:-0}" > "$file"
  cat "$file"
}

# spawn NAME COMMAND... : run in the background; its start time tells it from a later process of the same number
spawn() {
  local d; d=$(dir "$1"); shift
  setsid "$@" >> "$d/log" 2>&1 < /dev/null &
  echo "$! $(started_at $!)" > "$d/pid"
}

alive() { # NAME : the process that we started is still there
  local pid at file; file=$(dir "$1")/pid
  [ -e "$file" ] && read -r pid at < "$file" || return 1
  [ -n "$at" ] && [ "$(started_at "$pid")" = "$at" ] && ! grep -q '^State:.Z' "/proc/$pid/status" 2> /dev/null
}

wait_for() { # NAME URL : until it answers, up to 30 s and as long as the process lives
  for _ in $(seq 300); do
    http "$2" 2> /dev/null && return 0
    alive "$1" || { tail -n 20 "$(dir "$1")/log" >&2; die "$1 died while starting"; }
    sleep 0.1
  done
  die "$1 was not ready after 30 s (see $(dir "$1")/log)"
}

start() { # [--keep] NAME [PORT]
  local keep='' name d
  [ "$1" != --keep ] || { keep=yes; shift; }
  name=$1; d=$(dir "$name")
  case " $SERVERS " in *" $(base "$name") "*) ;; *) die "no such server: $name (there are: $SERVERS)" ;; esac
  alive "$name" && die "$name is running; stop it first"
  [ -n "$keep" ] || rm -rf "$d"
  mkdir -p "$d/data"
  case $(base "$name") in
    prometheus)   start_prometheus "$name" "$pkg/$OLD_SUITE/usr/bin/prometheus" "${2:-0}" any ;;
    prometheus3)  start_prometheus "$name" "$pkg/$NEW_SUITE/usr/bin/prometheus" "${2:-0}" any text0 proto {text1,om}{,-underscores,-dots,-values} ;;
    victoria-new) start_victoria "$name" "$pkg/$NEW_SUITE/usr/bin/victoria-metrics" "${2:-0}" ;;
    nginx)        start_nginx "$name" "$pkg/$OLD_SUITE/usr/sbin/nginx" "${2:-0}" ;;
  esac
  cat "$d/url.main"
}

# start_prometheus NAME BINARY PORT PROTOCOL... : one scrape job a protocol, whose targets are files
start_prometheus() {
  local name=$1 bin=$2 d port features=exemplar-storage,native-histograms; d=$(dir "$name")
  case $name in *:classic) features=exemplar-storage ;; esac
  features=${PROM_FEATURES:-$features}
  [ -x "$bin" ] || die "install $(base "$name") first"
  port=$(ports "$name" 1 "$3"); shift 3
  mkdir -p "$d/targets"
  [ -z "${PROM_CA:-}" ] || set -- "$@" tls
  prometheus_config "$d/targets" "$@" > "$d/prometheus.yml"
  # shellcheck disable=SC2086 # flags are words
  spawn "$name" "$bin" --config.file="$d/prometheus.yml" --storage.tsdb.path="$d/data" \
    --web.listen-address="127.0.0.1:$port" --enable-feature="$features" \
    --web.enable-remote-write-receiver --web.enable-lifecycle --web.enable-admin-api --log.level=debug ${PROM_FLAGS:-}
  role "$name" "http://127.0.0.1:$port" main
  role "$name" "http://127.0.0.1:$port/api/v1/write" write
  wait_for "$name" "http://127.0.0.1:$port/-/ready"
}

prometheus_config() { # TARGETS PROTOCOL...
  local targets=$1 each=${PROM_INTERVAL:-1s} protocol; shift
  printf 'global:\n  scrape_interval: %s\n  scrape_timeout: %s\n  evaluation_interval: %s\n' "$each" "$each" "$each"
  printf 'scrape_configs:\n'
  for protocol in "$@"; do
    printf -- '- job_name: targets-%s\n  honor_labels: true\n' "$protocol"
    case ${protocol%%-*} in
      text0) printf '  scrape_protocols: [PrometheusText0.0.4]\n' ;;
      text1) printf '  scrape_protocols: [PrometheusText1.0.0]\n' ;;
      om)    printf '  scrape_protocols: [OpenMetricsText1.0.0]\n' ;;
      proto) printf '  scrape_protocols: [PrometheusProto]\n' ;;
      tls)   printf '  scheme: https\n  tls_config:\n    ca_file: "%s"\n  authorization:\n    credentials: "%s"\n' "$PROM_CA" "$PROM_TOKEN" ;;
    esac
    case $protocol in
      *-*) printf '  metric_name_escaping_scheme: %s\n' "${protocol#*-}" ;;
    esac
    printf '  file_sd_configs:\n  - files: ["%s/*.%s.json"]\n    refresh_interval: 1s\n' "$targets" "$protocol"
  done
}

add_target() { # NAME JOB HOST:PORT [PATH[?KEY=VALUE] [PROTOCOL]]
  local d file path=${4:-/metrics} parameter=''; d=$(dir "$1")
  [ -d "$d/targets" ] || die "$1 is not a started Prometheus"
  file=$(printf '%s' "$2" | tr -c 'A-Za-z0-9_-' _).${5:-any}.json
  case $path in
    *\?*=*) parameter=${path#*\?} path=${path%%\?*}
      parameter=$(printf ',"__param_%s":"%s"' "${parameter%%=*}" "${parameter#*=}") ;;
  esac
  printf '[{"targets":["%s"],"labels":{"job":"%s","__metrics_path__":"%s"%s}}]\n' "$3" "$2" "$path" "$parameter" > "$d/target.new"
  mv "$d/target.new" "$d/targets/$file"
}

start_victoria() { # NAME BINARY PORT
  local name=$1 bin=$2 main put telnet
  [ -x "$bin" ] || die "install $(base "$name") first"
  read -r main put telnet < <(ports "$name" 3 "$3")
  # A long retention, since older samples vanish silently; no latency offset, since queries hide the last 30 s otherwise.
  # shellcheck disable=SC2086 # flags are words
  spawn "$name" "$bin" -storageDataPath="$(dir "$name")/data" -httpListenAddr="127.0.0.1:$main" \
    -opentsdbHTTPListenAddr="127.0.0.1:$put" -opentsdbListenAddr="127.0.0.1:$telnet" \
    -retentionPeriod=100y -search.latencyOffset=0s -memory.allowedBytes=256MB ${VM_FLAGS:-}
  role "$name" "http://127.0.0.1:$main" main
  role "$name" "http://127.0.0.1:$main/api/v1/write" write
  role "$name" "http://127.0.0.1:$put/api/put" opentsdb
  wait_for "$name" "http://127.0.0.1:$main/health"
}

start_nginx() { # NAME BINARY PORT
  local name=$1 bin=$2 d port; d=$(dir "$name")
  [ -x "$bin" ] || die "install $(base "$name") first"
  port=$(ports "$name" 1 "$3")
  mkdir -p "$d/control"
  [ -s "$d/nginx.conf" ] ||
    nginx_config "$d" "$port" "${NGINX_UPSTREAM:?where to pass requests on to, http://host:port}" > "$d/nginx.conf"
  spawn "$name" "$bin" -p "$d" -e stderr -c "$d/nginx.conf"
  role "$name" "http://127.0.0.1:$port" main
  role "$name" "$d/control" control
  wait_for "$name" "http://127.0.0.1:$port/ready"
}

nginx_config() { # DIR PORT UPSTREAM
  cat << CONF
daemon off;
master_process off;
pid $1/nginx.pid;
events { }
http {
  access_log off;
  client_body_temp_path $1/data/body;
  proxy_temp_path $1/data/proxy;
  fastcgi_temp_path $1/data/fastcgi;
  uwsgi_temp_path $1/data/uwsgi;
  scgi_temp_path $1/data/scgi;
  client_max_body_size 0;
  split_clients \$request_id \$chosen { 20% some; * none; }
  server {
    listen 127.0.0.1:$2;
    location = /ready { return 204; }
    location / {
      if (-f $1/control/429) { add_header Retry-After 1 always; return 429; }
      if (-f $1/control/503) { return 503; }
      if (-f $1/control/drop) { return 444; }
      set \$fault $1/control/\$chosen;
      if (-f \$fault) { return 503; }
      proxy_pass $3;
    }
  }
}
CONF
}

stop() { # NAME
  local pid; alive "$1" || { rm -f "$(dir "$1")/pid"; return 0; }
  read -r pid _ < "$(dir "$1")/pid"
  kill "$pid" 2> /dev/null || :
  for _ in $(seq 100); do alive "$1" || break; sleep 0.1; done
  if alive "$1"; then kill -9 "$pid" 2> /dev/null || :; fi
  rm -f "$(dir "$1")/pid"
}

kill_now() { # NAME
  local pid; alive "$1" || die "$1 is not running"
  read -r pid _ < "$(dir "$1")/pid"
  kill -9 "$pid"
  while alive "$1"; do sleep 0.01; done
  rm -f "$(dir "$1")/pid"
}

each_started() { # the names that were started
  local d
  for d in "$run"/*/; do [ -d "$d" ] && basename "$d" | tr + :; done
}

url() { # NAME [ROLE]
  local file; file=$(dir "$1")/url.${2:-main}
  [ -s "$file" ] || die "$1 has no ${2:-main} address"
  cat "$file"
}

cmd=${1:-}; shift || :
case $cmd in
  install)
    # shellcheck disable=SC2086 # names are words
    [ $# -gt 0 ] || set -- $SERVERS faketime python apptuit
    for name in "$@"; do install_one "$name"; done ;;
  start) start "${1:?which server}" "${@:2}" ;;
  stop)
    if [ "${1:?which server}" = all ]; then for name in $(each_started); do stop "$name"; done; else stop "$1"; fi ;;
  kill) kill_now "${1:?which server}" ;;
  url) url "${1:?which server}" "${2:-}" ;;
  target) add_target "${1:?which Prometheus}" "${2:?which job}" "${@:3}" ;;
  log) cat "$(dir "${1:?which server}")/log" ;;
  package) package_file "${1:?which package}" "${2:?which file}" ;;
  dir) dir "${1:?which server}" ;;
  status) for name in $(each_started); do if alive "$name"; then echo "$name running"; else echo "$name stopped"; fi; done ;;
  version) sort -u "$BACKENDS_DIR/versions" ;;
  names) echo "$SERVERS" ;;
  *) sed -n '2,/^set -eu/p' "$0" | sed '$d; s/^# \{0,1\}//' >&2; exit 2 ;;
esac
