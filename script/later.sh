# shellcheck shell=sh
# SPDX-License-Identifier: BSD-3-Clause
#
# Programs that Debian 12 does not have, from packages of another Debian: they are unpacked into a
# cache folder and run with the C library they came with. Nothing is installed, and neither the sources
# nor the lists of this machine's apt are touched.

LATER_CACHE=${VIRTRING_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/virtring}
LATER_KEYS=/usr/share/keyrings/debian-archive-keyring.gpg

# The mirror that this machine's own apt has Debian from; Ubuntu's has none.
later_mirror() {
	# shellcheck disable=SC2016 # for apt to expand
	apt-get indextargets --format '$(ORIGIN) $(COMPONENT) $(REPO_URI)' 'Created-By: Packages' |
		awk '$1 == "Debian" && $2 == "main" && $3 !~ /security/ { print $3; found = 1; exit }
			END { if (!found) print "http://deb.debian.org/debian/" }'
}

# apt-get with sources, lists, archives and a list of what is installed (nothing) of its own.
later_apt() {
	apt-get -qq -o Dir::Etc::SourceList="$later_new/sources.list" -o Dir::Etc::SourceParts=/dev/null \
		-o Dir::Etc::Preferences=/dev/null -o Dir::Etc::PreferencesParts=/dev/null \
		-o Dir::State="$later_new/state" -o Dir::State::Lists="$later_new/lists" \
		-o Dir::State::Status="$later_new/status" -o Dir::Cache="$later_new/cache" \
		-o APT::Sandbox::User=root -o Acquire::Retries=3 -o Acquire::Languages=none "$@"
}

# later_names WORD...: the packages that words name, one a line. PACKAGE is itself; PACKAGE,PATTERN is
# itself and all that it needs whose name matches the pattern. A comma, as a name may have a plus.
later_names() {
	for later_word in "$@"; do
		printf '%s\n' "${later_word%%,*}"
		case $later_word in
		*,*)
			later_apt --no-install-recommends --simulate install "${later_word%%,*}" |
				sed -n 's/^Inst \([^ ]*\) .*/\1/p' |
				while IFS= read -r later_package; do
					# shellcheck disable=SC2254 # it is a pattern
					case $later_package in
					${later_word#*,}) printf '%s\n' "$later_package" ;;
					esac
				done
			;;
		esac
	done | sort -u
}

later_trouble() {
	[ ! -s "$later_new/log" ] || tail -n 20 "$later_new/log" >&2
	rm -rf "$later_new"
	later_why="$*"
	return 1
}

later_download() {
	mkdir -p "$later_new/state" "$later_new/lists/partial" "$later_new/cache/archives/partial" \
		"$later_new/debs" "$later_new/root"
	: >"$later_new/status"
	echo "deb [signed-by=$LATER_KEYS] $later_uri $later_suite main" \
		>"$later_new/sources.list"
	later_apt update >>"$later_new/log" 2>&1 || {
		later_trouble "no package list of Debian $later_suite"
		return 1
	}
	later_names "$@" >"$later_new/names" 2>>"$later_new/log"
	(
		cd "$later_new/debs" || exit 1
		# shellcheck disable=SC2046 # a list of words
		later_apt download $(cat ../names) >>"$later_new/log" 2>&1
	) || later_trouble "no download of $*"
}

# later_unpack FOLDER SUITE WORD...: puts the packages that the words name into FOLDER/root, unless
# they are there. When it fails later_why has the reason, and what was there before still is.
later_unpack() {
	later_root=$1
	later_suite=$2
	shift 2
	later_why=
	[ "$(cat "$later_root/complete" 2>/dev/null)" != "$*" ] || return 0
	command -v apt-get >/dev/null 2>&1 || {
		later_why='this is no Debian'
		return 1
	}
	[ -e "$LATER_KEYS" ] || {
		later_why='the package debian-archive-keyring is not installed'
		return 1
	}
	later_uri=$(later_mirror)
	say "unpacking $* of Debian $later_suite into $later_root"
	# Beside it, so that two who do this at once do not meet.
	later_new=$later_root.new.$$
	rm -rf "$later_new"
	later_download "$@" || return 1
	for later_deb in "$later_new"/debs/*.deb; do
		dpkg -x "$later_deb" "$later_new/root" || {
			later_trouble "cannot unpack $later_deb"
			return 1
		}
	done
	(cd "$later_new/debs" && printf '%s\n' *.deb) >"$later_new/packages"
	(cd "$later_new" && rm -rf state lists cache debs status names log)
	echo "$*" >"$later_new/complete"
	rm -rf "$later_root"
	mv -T "$later_new" "$later_root"
}

# later TOOL SUITE WORD...: sets later_root to the folder that has these packages unpacked. A download
# that fails ends the verb: without the tool nothing would have been shown.
later() {
	later_tool=$1
	later_suite=$2
	shift 2
	later_unpack "$LATER_CACHE/$later_tool-$later_suite" "$later_suite" "$@" ||
		die "$later_tool cannot be had: $later_why"
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
