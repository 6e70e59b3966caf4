# shellcheck shell=sh
# SPDX-License-Identifier: BSD-3-Clause
# about: meson install, and a program built against it by pkg-config

configure main
compile main
rm -rf build/install
check install 'meson install' env DESTDIR="$PWD/build/install" \
	meson install -C build/main --no-rebuild

pc=$(find build/install -name virtring.pc)
export PKG_CONFIG_PATH="${pc%/*}" PKG_CONFIG_SYSROOT_DIR="$PWD/build/install"
libraries=$(cd "${pc%/*}/.." && pwd)

# build_example KIND OPTION OF THE LINKER...: shared libraries or the static one.
# shellcheck disable=SC2046 # lists of words
build_example() {
	kind=$1
	shift
	cc -std=c11 -Wall -Wextra -Werror -o "build/install/example-$kind" test/groups/install.c \
		"$@" $(pkg-config --cflags --libs virtring) -Wl,-Bdynamic
}
check install 'pkg-config, shared' build_example shared
check install 'run, shared' env LD_LIBRARY_PATH="$libraries" build/install/example-shared
check install 'pkg-config, static' build_example static -Wl,-Bstatic
check install 'run, static' build/install/example-static

same_version() {
	said=$(LD_LIBRARY_PATH=$libraries build/install/example-shared)
	echo "virtring.pc: $(pkg-config --modversion virtring), vr_version(): $said"
	[ "$(pkg-config --modversion virtring)" = "$said" ]
}
check install 'version of virtring.pc' same_version

every_header() {
	status=0
	for header in include/virtring/*.h; do
		if ! find build/install -path "*/$header" | grep -q .; then
			echo "$header is not installed (see include/virtring/meson.build)"
			status=1
		fi
	done
	return $status
}
check install 'every public header is installed' every_header
