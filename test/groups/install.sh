# shellcheck shell=sh
# SPDX-License-Identifier: BSD-3-Clause
# about: meson install; programs built against it by pkg-config; the examples

configure main
compile main
rm -rf build/install
check install 'meson install' env DESTDIR="$PWD/build/install" \
	meson install -C build/main --no-rebuild

pc=$(find build/install -name virtring.pc)
export PKG_CONFIG_PATH="${pc%/*}" PKG_CONFIG_SYSROOT_DIR="$PWD/build/install"
libraries=$(cd "${pc%/*}/.." && pwd)

# build_program SOURCE KIND [OPTION OF THE LINKER]: with the shared libraries or the static one.
# shellcheck disable=SC2046,SC2086 # lists of words
build_program() {
	cc -std=c11 -Wall -Wextra -Werror -o "build/install/${1##*/}-$2" "$1.c" ${3-} \
		$(pkg-config --cflags --libs virtring) -Wl,-Bdynamic
}
# Those of them that talk to somebody are run by test/unit/examples.c.
for program in test/groups/install examples/*.c; do
	program=${program%.c}
	name=${program##*/}
	check install "$name, pkg-config, shared" build_program "$program" shared
	check install "$name, pkg-config, static" build_program "$program" static -Wl,-Bstatic
	case $name in
	read_sector | rng_device) continue ;;
	esac
	check install "$name, run, shared" env LD_LIBRARY_PATH="$libraries" \
		"build/install/$name-shared"
	check install "$name, run, static" "build/install/$name-static"
done

same_version() {
	said=$(LD_LIBRARY_PATH=$libraries build/install/install-shared)
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

# The example of the README is part of a program that is built.
# shellcheck disable=SC2016 # the backquotes are the README's
readme_example() {
	awk '/^```/ { inside = /^```c$/; next } inside && NF' README.md >build/log/readme.c
	[ -s build/log/readme.c ] || return 1
	! grep -vxFf examples/loopback.c build/log/readme.c
}
check install "the README's example" readme_example
