# Sourced by deps and build-deps: one folder for downloads, sources and built libraries, shared by
# every clone of this user. CREEL_CACHE moves it.
if [ -n "${CREEL_CACHE:-}" ]; then
  CREEL_CACHE_DIR=$CREEL_CACHE
elif [ -n "${XDG_CACHE_HOME:-}${HOME:-}" ]; then
  CREEL_CACHE_DIR=${XDG_CACHE_HOME:-$HOME/.cache}/creel
else
  CREEL_CACHE_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)/.deps
fi
mkdir -p "$CREEL_CACHE_DIR"
CREEL_CACHE_DIR=$(cd "$CREEL_CACHE_DIR" && pwd)
