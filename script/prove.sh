# shellcheck shell=sh
# SPDX-License-Identifier: BSD-3-Clause
#
# ./dev prove: the proofs of test/proof, with CBMC of Debian 13.

. script/later.sh
later cbmc trixie cbmc minisat libc6 libstdc++6 libgcc-s1 zlib1g
mkdir -p build/prove
python3 test/proof/run.py --cbmc "$(later_command /usr/bin/cbmc)" --jobs "$JOBS" "$@"
