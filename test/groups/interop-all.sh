# shellcheck shell=sh
# SPDX-License-Identifier: BSD-3-Clause
# about: (only when named) interop with every version of every peer that ./dev peers has

. script/peers.sh
# shellcheck disable=SC2086 # a list of words
peers_have $PEERS
export VIRTRING_INTEROP=all
configure main
compile main
. script/blkio.sh
blkio_client || :
programs main '' interop -- --patience 4
