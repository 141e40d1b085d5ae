#!/bin/sh
# Makes a gitolite in an empty folder, reachable by `git` without an SSH server.
#
#   tests/gitolite/setup.sh DIR
#
# DIR/home becomes the home of gitolite's unix user: the rc file with LOCAL_CODE at DIR/home/local,
# repositories `team/app` (alice writes, bob reads, and a VREF named coregit judges each ref) and
# `team/other` (alice writes; not ours), and gitolite's own admin repository (admin writes).
#
#   export COREGIT_GITOLITE_HOME=DIR/home GIT_SSH_COMMAND=tests/gitolite/ssh
#   git push ssh://alice@gitolite/team/app main
#
# Exit 0: ready; 3: gitolite is not on this machine (Debian: apt-get install gitolite3).
set -eu
dir=${1:?usage: tests/gitolite/setup.sh DIR}
command -v gitolite >/dev/null || { echo "gitolite is missing: apt-get install gitolite3" >&2; exit 3; }

mkdir -p "$dir/home"
home=$(cd "$dir/home" && pwd)
# The environment of a login by SSH, so that nothing of the caller's leaks into a test.
as_gitolite() { (cd "$home" && env -i HOME="$home" PATH="$PATH" USER=gitolite LOGNAME=gitolite "$@"); }

as_gitolite git config --global user.name gitolite
as_gitolite git config --global user.email gitolite@localhost
as_gitolite git config --global init.defaultBranch main
as_gitolite gitolite setup -a admin >/dev/null 2>&1

mkdir -p "$home/local/hooks/common" "$home/local/VREF"
printf '%s\n' '#!/bin/sh' 'exit 0' >"$home/local/VREF/coregit"
chmod +x "$home/local/VREF/coregit"
# shellcheck disable=SC2016 # Perl reads this $ENV, not the shell
sed 's|^ *# LOCAL_CODE .*HOME.*|    LOCAL_CODE => "$ENV{HOME}/local",|' "$home/.gitolite.rc" >"$home/rc"
mv "$home/rc" "$home/.gitolite.rc"

cat >"$home/.gitolite/conf/gitolite.conf" <<'CONF'
repo gitolite-admin
    RW+     =   admin

repo team/app
    RW+     =   alice
    R       =   bob
    -   VREF/coregit    =   @all

repo team/other
    RW+     =   alice
CONF
as_gitolite gitolite setup >/dev/null 2>&1
[ -d "$home/repositories/team/app.git" ]
