# shellcheck shell=sh
# SPDX-License-Identifier: BSD-3-Clause
#
# What ./dev and the files it reads share: packages, build folders, counting of results. Everything
# is run from the root of the tree.

# The one place that names packages: those of a verb or a test group. Debian 12 is what binds.
packages_of() {
	case $1 in
	build) echo gcc libc6-dev pkg-config meson ninja-build libcmocka-dev libjson-c-dev liburing-dev libseccomp-dev libpcap-dev ;;
	bench-blk) echo python3-minimal qemu-system-common ;;
	dpdk) echo dpdk-dev ;;
	plot) echo gnuplot-nox ;;
	lint) echo clang-format-14 clang-tidy-14 cppcheck shellcheck ;;
	coverage) echo gcovr ;;
	prove) echo debian-archive-keyring ;;
	fuzz) echo clang-14 libclang-rt-14-dev ;;
	fuzz-afl) echo afl++ clang-14 ;;
	litmus) echo libgmp10 debian-archive-keyring ;;
	house | unit | property | spec | regress | replay | faults) ;;
	count | valgrind) echo valgrind ;;
	relacy) echo g++ relacy-dev ;;
	peers) echo kmod debian-archive-keyring ;;
	bench-guest) echo kmod busybox-static xz-utils ;;
	interop | interop-all)
		echo dpdk-dev user-mode-linux busybox-static \
			qemu-system-common qemu-system-x86 e2fsprogs fdisk xz-utils kmod \
			debian-archive-keyring
		;;
	headers) echo g++ clang-14 binutils ;;
	freestanding) echo g++ clang-14 binutils ;;
	install) echo binutils ;;
	clang) echo clang-14 ;;
	sanitizers) echo util-linux ;;
	cross)
		echo qemu-user \
			gcc-s390x-linux-gnu libc6-dev-s390x-cross \
			gcc-aarch64-linux-gnu libc6-dev-arm64-cross \
			gcc-riscv64-linux-gnu libc6-dev-riscv64-cross \
			gcc-arm-linux-gnueabihf libc6-dev-armhf-cross
		;;
	*) return 1 ;;
	esac
}

# Test groups in the order in which they run: what is quick first.
ALL_GROUPS='house headers unit property spec regress replay count relacy freestanding install clang sanitizers cross faults interop'
# Groups that run only when they are named: what takes long.
MORE_GROUPS='interop-all valgrind'
# shellcheck disable=SC2034 # ./dev reads it
ALL_SETS="build bench-blk dpdk plot lint coverage litmus peers prove fuzz fuzz-afl $ALL_GROUPS $MORE_GROUPS"

JOBS=${VIRTRING_JOBS:-$(nproc 2>/dev/null || echo 2)}
# Python and meson read the tree's UTF-8 files on machines without a locale, too.
export LC_ALL=C.UTF-8

say() {
	printf '%s\n' "$*"
}

die() {
	printf './dev: %s\n' "$*" >&2
	exit 2
}

# tool NAME: the tool of LLVM 14, whose formatting and warnings are those of the tree; if only
# another version is there, that one.
tool() {
	if command -v "$1-14" >/dev/null 2>&1; then
		echo "$1-14"
	else
		echo "$1"
	fi
}

# tree_files PATTERN...: the files that are, or are about to be, part of the tree.
tree_files() {
	# The tree may belong to another user than the one who builds (containers, sudo).
	git -c safe.directory='*' ls-files --cached --others --exclude-standard -- "$@" |
		while IFS= read -r file; do
			[ ! -e "$file" ] || printf '%s\n' "$file"
		done
}

is_installed() {
	[ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

as_root() {
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	else
		sudo "$@"
	fi
}

# need SET...: installs what is missing of the sets, and of what every build needs.
need() {
	missing=
	lacking=
	for set in build "$@"; do
		for package in $(packages_of "$set"); do
			case " $missing " in
			*" $package "*) continue ;;
			esac
			if command -v dpkg-query >/dev/null 2>&1 && is_installed "$package"; then
				continue
			fi
			missing="$missing $package"
		done
	done
	[ -n "$missing" ] || return 0
	missing=${missing# }
	say "./dev needs packages that are not installed:"
	say "$missing" | fold -s -w 90 | sed 's/^/  /'
	if ! command -v apt-get >/dev/null 2>&1 || ! command -v dpkg-query >/dev/null 2>&1; then
		die "this is no Debian or Ubuntu: install them (or their equivalents) yourself"
	fi
	if [ "$(id -u)" -ne 0 ] && ! command -v sudo >/dev/null 2>&1; then
		die "run this as root: apt-get install --no-install-recommends $missing"
	fi
	say "./dev installs them with apt-get"
	install_packages
}

# Ubuntu lacks some of Debian's packages: without, their tests say so and are skipped.
leave_out() {
	there=
	lacking=
	for package in $missing; do
		if apt-cache policy "$package" | grep -q 'Candidate: [^(]'; then
			there="$there $package"
		else
			lacking="$lacking $package"
		fi
	done
	missing=${there# }
	[ -z "$lacking" ] || say "./dev: apt has no$lacking; what needs that is left out"
}

# A package list that is too old names files that are gone; one fresh list is worth one more try.
install_packages() {
	try=1
	while :; do
		as_root apt-get -qq update || say "./dev: apt-get update failed; going on with the lists at hand"
		leave_out
		[ -n "$missing" ] || return 0
		# shellcheck disable=SC2086 # a list of words
		if as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 install -y \
			--no-install-recommends $missing >"$(log_file apt)" 2>&1; then
			return 0
		fi
		[ $try -lt 2 ] || break
		say "./dev: apt-get failed; once more with fresh lists"
		try=$((try + 1))
	done
	tail -n 40 "$(log_file apt)" >&2
	die "apt-get could not install: $missing"
}

log_file() {
	mkdir -p build/log
	echo "build/log/$1"
}

# logged NAME COMMAND...: runs a command quietly; shows what it printed if it fails.
logged() {
	log=$(log_file "$1")
	shift
	"$@" >"$log" 2>&1 && return 0
	cat "$log"
	say "failed: $*"
	return 1
}

# configure NAME [MESON OPTION...]: sets build/NAME up; anew if the options differ from last time.
# Warnings are errors here; not in a plain `meson setup`, which may meet compilers of the future.
configure() {
	folder=build/$1
	shift
	wanted="CC=${CC-} CFLAGS=${CFLAGS-} LDFLAGS=${LDFLAGS-} $*"
	if [ -f "$folder/build.ninja" ] && [ "$(cat "$folder/.options" 2>/dev/null)" = "$wanted" ]; then
		return 0
	fi
	rm -rf "$folder"
	logged "${folder#build/}-setup" meson setup "$folder" -Dwerror=true "$@" || return 1
	printf '%s\n' "$wanted" >"$folder/.options"
}

# compile NAME [TARGET...]: builds what build/NAME is set up for, or parts of it, quietly.
compile() {
	compile_name=$1
	shift
	logged "$compile_name-compile" ninja -C "build/$compile_name" -j "$JOBS" "$@"
}

# Results: one line `passed failed skipped` a program or check, and what was skipped or failed.
results_begin() {
	mkdir -p build/log
	RESULTS=build/log/results
	NOTES=build/log/notes
	: >"$RESULTS"
	: >"$NOTES"
}

result_ok() {
	say "  ok      $1/$2"
	echo '1 0 0' >>"$RESULTS"
}

result_fail() {
	say "  FAILED  $1/$2"
	echo '0 1 0' >>"$RESULTS"
	echo "FAILED: $1/$2" >>"$NOTES"
}

result_skip() {
	say "  skipped $1/$2: $3"
	echo '0 0 1' >>"$RESULTS"
	echo "skipped: $1/$2: $3" >>"$NOTES"
}

# check GROUP NAME COMMAND...: one check; its output is shown if it fails.
check() {
	check_group=$1
	check_name=$2
	shift 2
	if "$@" >build/log/check 2>&1; then
		result_ok "$check_group" "$check_name"
	else
		sed 's/^/    /' build/log/check
		result_fail "$check_group" "$check_name"
	fi
}

# programs NAME LABEL GROUP... [-- OPTIONS OF test/run.py]: runs the test programs of build/NAME
# that belong to the groups.
programs() {
	programs_folder=build/$1
	programs_label=$2
	shift 2
	# Failures are in the results; they do not end the group.
	python3 test/run.py "$programs_folder" --label "$programs_label" --jobs "$JOBS" \
		--results "$RESULTS" --notes "$NOTES" "$@" || :
}

# The groups that are folders of test programs share the ordinary build.
programs_of_main() {
	configure main
	compile main
	programs main '' "$1"
}

results_end() {
	say
	cat "$NOTES"
	awk '{ p += $1; f += $2; s += $3 }
		END { printf "%d passed, %d failed, %d skipped\n", p, f, s; exit (f > 0 || p == 0) }' \
		"$RESULTS"
}
