# shellcheck shell=sh
# SPDX-License-Identifier: BSD-3-Clause
#
# bench/blkio_client.c needs libblkio, which Debian 12 does not have: it is compiled against the peer
# of that name and runs where that peer's script runs it.

. script/peers.sh

# blkio_client: builds build/main/blkio-client and build/main/blkio, the script that runs it; false
# where the library cannot be had, which peers_have has said then.
blkio_client() {
	blkio_root=$LATER_CACHE/peers/libblkio
	rm -f build/main/blkio
	[ -x "$blkio_root/run" ] || return 1
	blkio_library=$(find "$blkio_root/root/usr/lib" -name libblkio.so | head -n 1)
	# The library was built for a newer C library than the one that compiles here; it runs with its own.
	logged blkio-compile "${CC:-cc}" -O2 -Wall -Wextra -Werror -I"$blkio_root/root/usr/include" \
		bench/blkio_client.c -o build/main/blkio-client \
		-L"$(dirname "$blkio_library")" -lblkio -Wl,--allow-shlib-undefined || return 1
	printf '#!/bin/sh\nexec "%s" "%s" "$@"\n' "$blkio_root/run" "$PWD/build/main/blkio-client" \
		>build/main/blkio
	chmod +x build/main/blkio
}
