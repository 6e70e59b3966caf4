# shellcheck shell=sh
# SPDX-License-Identifier: BSD-3-Clause
#
# Tools that Debian 12 does not have, from packages of a later Debian: they are unpacked into a cache
# folder and run with the C library they came with. Nothing is installed, and neither the sources nor
# the lists of this machine's apt are touched.

LATER_CACHE=${VIRTRING_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/virtring}

# The mirror that this machine's own apt has Debian from.
later_mirror() {
	# shellcheck disable=SC2016 # for apt to expand
	apt-get indextargets --format '$(ORIGIN) $(COMPONENT) $(REPO_URI)' 'Created-By: Packages' |
		awk '$1 == "Debian" && $2 == "main" && $3 !~ /security/ { print $3; exit }'
}

later_fail() {
	[ ! -s "$later_root/log" ] || tail -n 20 "$later_root/log" >&2
	die "$*"
}

# apt-get with sources, lists and archives of its own.
later_apt() {
	apt-get -qq -o Dir::Etc::SourceList="$later_root/sources.list" -o Dir::Etc::SourceParts=- \
		-o Dir::State::Lists="$later_root/lists" -o Dir::Cache="$later_root/cache" \
		-o APT::Sandbox::User=root -o Acquire::Retries=3 -o Acquire::Languages=none \
		"$@" >>"$later_root/log" 2>&1
}

# later TOOL SUITE PACKAGE...: sets later_root to the folder that has these packages unpacked. A
# download that fails ends the verb: without the tool nothing would have been shown.
later() {
	later_tool=$1
	later_suite=$2
	shift 2
	later_root=$LATER_CACHE/$later_tool-$later_suite
	[ "$(cat "$later_root/complete" 2>/dev/null)" != "$*" ] || return 0
	command -v apt-get >/dev/null 2>&1 || die "this is no Debian: $later_tool cannot be had"
	later_uri=$(later_mirror)
	[ -n "$later_uri" ] || die "apt has no Debian mirror: $later_tool cannot be had"
	say "$later_tool: unpacking $* of Debian $later_suite into $later_root"
	rm -rf "$later_root"
	mkdir -p "$later_root/lists/partial" "$later_root/cache/archives/partial" "$later_root/debs" \
		"$later_root/root"
	echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $later_uri $later_suite main" \
		>"$later_root/sources.list"
	later_apt update || later_fail "$later_tool: no package list of $later_suite"
	(
		cd "$later_root/debs"
		later_apt download "$@"
	) || later_fail "$later_tool: no download of $*"
	for later_deb in "$later_root"/debs/*.deb; do
		dpkg -x "$later_deb" "$later_root/root" || later_fail "$later_tool: cannot unpack $later_deb"
	done
	rm -rf "$later_root/lists" "$later_root/cache" "$later_root/debs"
	echo "$*" >"$later_root/complete"
}

# later_command PROGRAM: the command that runs a program of later_root with its own dynamic linker and
# libraries; what it does not bring comes from this machine.
later_command() {
	later_linker=
	for later_file in "$later_root"/root/usr/lib64/ld-linux-*.so.* \
		"$later_root"/root/usr/lib/ld-linux-*.so.*; do
		[ ! -e "$later_file" ] || later_linker=$later_file
	done
	[ -n "$later_linker" ] || die "$later_root has no dynamic linker"
	later_triple=$(basename "$(dirname "$(find "$later_root/root/usr/lib" -name 'libc.so.6')")")
	echo "$later_linker --library-path" \
		"$later_root/root/usr/lib/$later_triple:$later_root/root/usr/lib:/usr/lib/$later_triple" \
		"$later_root/root$1"
}
