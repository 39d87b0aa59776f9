#!/usr/bin/env bash
# Installs what the tests drive, once: chromium, neovim, emacs with eglot, bubblewrap, redis-server, Node 24, code-server (VS
# Code in a browser), playwright-core and the extension's own build. About a minute on a fresh machine; a no-op afterwards.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
repo=$(cd "$here/../.." && pwd)
cache="$repo/.cache"
code_server_version=4.139.1
mkdir -p "$cache"
quiet=(--no-audit --no-fund --loglevel=error)

# Two tests that start together must not install into the same folder.
exec 9>"$cache/.e2e-install.lock"
flock 9

# Only chromium is driven from here; the others by tests/lsp (Neovim, Emacs), the sandbox's and the bus's tests.
missing=()
command -v chromium >/dev/null || missing+=(chromium)
command -v nvim >/dev/null || missing+=(neovim)
command -v emacs >/dev/null || missing+=(emacs-nox elpa-eglot)
command -v bwrap >/dev/null || missing+=(bubblewrap)
command -v redis-server >/dev/null || missing+=(redis-server)
if [ ${#missing[@]} -gt 0 ]; then
  as_root=$([ "$(id -u)" = 0 ] || echo sudo)
  $as_root apt-get update -qq
  $as_root apt-get install -y -qq "${missing[@]}"
fi

node24="$cache/node24/node_modules/node/bin"
if [ ! -x "$node24/node" ]; then
  mkdir -p "$cache/node24"
  echo '{"private": true}' >"$cache/node24/package.json"
  (cd "$cache/node24" && npm install "${quiet[@]}" node@24)
fi
export PATH="$node24:$PATH"

# Scripts are left out: nothing needs to be compiled. `npm ci` fails here (the lock is out of sync).
code_server="$cache/code-server"
if [ ! -e "$code_server/.ready-$code_server_version" ]; then
  rm -rf "$code_server"
  mkdir -p "$code_server"
  echo '{"private": true}' >"$code_server/package.json"
  (cd "$code_server" && npm install "${quiet[@]}" --ignore-scripts "code-server@$code_server_version")
  vscode="$code_server/node_modules/code-server/lib/vscode"
  for folder in "$vscode" "$vscode/extensions"; do
    (cd "$folder" && npm install "${quiet[@]}" --omit=dev --ignore-scripts)
  done
  ln -sf code-linux.sh "$vscode/bin/remote-cli/code-server"
  ln -sf browser-linux.sh "$vscode/bin/helpers/browser.sh"
  # Log files need one native part; where it cannot be built the tests run all the same.
  (cd "$vscode" && npm rebuild "${quiet[@]}" @vscode/spdlog @vscode/native-watchdog) || echo "no log files" >&2
  touch "$code_server/.ready-$code_server_version"
fi

stamp="$here/node_modules/.lock-installed"
if ! cmp -s "$here/package-lock.json" "$stamp" 2>/dev/null; then
  (cd "$here" && npm ci "${quiet[@]}")
  cp "$here/package-lock.json" "$stamp"
fi

extension="$repo/vscode-extension"
stamp="$extension/node_modules/.lock-installed"
if ! cmp -s "$extension/package-lock.json" "$stamp" 2>/dev/null; then
  (cd "$extension" && npm ci "${quiet[@]}")
  cp "$extension/package-lock.json" "$stamp"
fi
(cd "$extension" && npm run --silent build)
