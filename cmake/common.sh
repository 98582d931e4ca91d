# Sourced by the project's scripts: where things are kept, steps that say how long they took.
set -euo pipefail

PANICROOM_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# Everything that is downloaded or built once for all checkouts.
PANICROOM_CACHE=${PANICROOM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/panicroom}
export PANICROOM_CACHE
mkdir -p "$PANICROOM_CACHE"
# Another checkout of the same sources finds what this one compiled.
export CCACHE_BASEDIR=$PANICROOM_ROOT CCACHE_NOHASHDIR=1

say() { printf '%s\n' "$*" >&2; }
die() { say "$(basename "$0"): $*"; exit 1; }

declare -a STEP_TIMES=()
STEPS_FAILED=0
# limited SECONDS COMMAND...: stops the command, with all it started, after so many seconds. Not for what
# asks on the terminal: it runs in the background.
limited() {
  local limit=$1 group watch status=0
  shift
  set -m  # a process group for each of the two
  (set -e; "$@") &
  group=$!
  (sleep "$limit"; echo "stopped after $limit s"; kill -TERM -- "-$group"; sleep 5; kill -KILL -- "-$group") &
  watch=$!
  set +m
  trap 'kill -TERM -- "-$group" "-$watch" 2> /dev/null; exit 130' INT TERM
  wait "$group" || status=$?
  trap - INT TERM
  kill -KILL -- "-$watch" 2> /dev/null
  wait "$watch" 2> /dev/null
  return $status
}

# step TITLE COMMAND...: runs it, its output kept in build/logs and shown only when it fails. A failed
# step ends the script, or with KEEP_GOING=1 only counts; with STEP_LIMIT=SECONDS one that takes longer
# is stopped and has failed. Never call it in a condition (`step ... ||`): bash ignores errors inside
# functions that are called there.
step() {
  local title=$1 start=$SECONDS status log
  shift
  mkdir -p "$PANICROOM_ROOT/build/logs"
  log=$PANICROOM_ROOT/build/logs/$(tr -cs 'a-zA-Z0-9\n' '-' <<< "$title").log
  printf '== %-44s ' "$title" >&2
  set +e
  if [ -n "${STEP_LIMIT:-}" ]; then
    limited "$STEP_LIMIT" "$@" > "$log" 2>&1 < /dev/null
  else
    (set -e; "$@") > "$log" 2>&1 < /dev/null
  fi
  status=$?
  set -e
  STEP_STATUS=$status
  STEP_LOG=$log
  STEP_TIMES+=("$((SECONDS - start)) $title")
  if [ "$status" -eq 0 ]; then
    say "$((SECONDS - start)) s"
    return
  fi
  STEPS_FAILED=$((STEPS_FAILED + 1))
  say "FAILED after $((SECONDS - start)) s (status $status); the end of $log:"
  tail -n "${STEP_LOG_LINES:-60}" "$log" >&2
  [ -n "${KEEP_GOING:-}" ] || exit "$status"
}

as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

# private_apt SUITE TYPE apt-get-arguments...: apt-get with lists of its own on the mirror that this
# machine is set up with; neither /etc/apt nor the installed packages are touched.
private_apt() {
  local suite=$1 type=$2 folder mirror
  shift 2
  folder=$PANICROOM_CACHE/apt-$suite-$type
  mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Identifier: Packages' |
           grep -m1 '/debian/$') || die "no Debian mirror is set up for apt"
  mkdir -p "$folder"/state/lists/partial "$folder"/cache/archives/partial
  : > "$folder/status"
  echo "$type [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $suite main" \
    > "$folder/sources.list"
  apt-get -q -o Dir::Etc::SourceList="$folder/sources.list" -o Dir::Etc::SourceParts=/dev/null \
    -o Dir::Etc::Preferences=/dev/null -o Dir::Etc::PreferencesParts=/dev/null \
    -o Dir::State="$folder/state" -o Dir::State::status="$folder/status" \
    -o Dir::Cache="$folder/cache" -o APT::Sandbox::User="$(id -un)" "$@"
}
