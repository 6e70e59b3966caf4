// SPDX-License-Identifier: BSD-3-Clause
/* See guest.h. */
#define _GNU_SOURCE
#include <glob.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "guest.h"

#define WORDS_MAX 56
#define WORD_BYTES 4600
#define SCRIPT_MS 60000

#define UML_MODULES "/usr/lib/uml/modules/"
#define COMMAND_LINE "console=ttyS0 quiet panic=-1 mitigations=off no_timer_check"

struct words {
	const char *argv[WORDS_MAX + 1];
	size_t count;
};

static void add(struct words *words, const char *word)
{
	if (words->count == WORDS_MAX)
		abort();
	words->argv[words->count++] = word;
	words->argv[words->count] = NULL;
}

/* A word that is put together; it lives as long as the test. */
__attribute__((format(printf, 2, 3))) static void addf(struct words *words, const char *format, ...)
{
	char *word = NULL;
	va_list values;
	int length;

	va_start(values, format);
	length = vasprintf(&word, format, values);
	va_end(values);
	if (length < 0)
		abort();
	add(words, word);
}

static bool here(const char *path)
{
	return !access(path, R_OK);
}

const char *guest_missing(const struct guest_kind *kind)
{
	if (kind->emulator && !*kind->emulator && !here("/usr/bin/qemu-system-x86_64"))
		return "qemu-system-x86_64 is not installed";
	if (kind->emulator && *kind->emulator && peer_missing(kind->emulator))
		return peer_missing(kind->emulator);
	if (!*kind->kernel)
		return here("/usr/bin/linux.uml") ? NULL : "linux.uml is not installed";
	return peer_missing(kind->kernel);
}

/* Where the kernel's modules are. */
static const char *modules_of(const struct guest_kind *kind)
{
	static char path[4096];
	glob_t found;

	if (kind->emulator && !strcmp(kind->kernel, "linux-6.1"))
		return peer_file(kind->kernel, "/lib/modules/*");
	if (*kind->kernel)
		return peer_file(kind->kernel,
				 kind->emulator ? "/usr/lib/modules/*" : UML_MODULES "*");
	if (glob(UML_MODULES "*", 0, NULL, &found))
		return "";
	snprintf(path, sizeof(path), "%s", found.gl_pathv[found.gl_pathc - 1]);
	globfree(&found);
	return path;
}

int run_script(struct program *program, const char *name, const char *const arguments[],
	       int timeout_ms)
{
	struct words words = { .count = 0 };
	bool ok;

	add(&words, "sh");
	addf(&words, "%s/%s", INTEROP_FOLDER, name);
	for (size_t i = 0; arguments[i]; i++)
		add(&words, arguments[i]);
	program_start(program, words.argv);
	ok = program_wait(program, "SHELL-OK", timeout_ms);
	if (!ok)
		fprintf(stderr, "%s: %s\n", name, program->text);
	program_stop(program, NULL);
	return ok ? 0 : -1;
}

int guest_initrd(const struct guest_kind *kind, const char *path, const char *init,
		 const char *modules, const char *programs)
{
	char init_path[4096];
	const char *const arguments[] = {
		path, init_path, modules_of(kind), modules, programs, NULL
	};
	static struct program program;

	snprintf(init_path, sizeof(init_path), "%s/%s", INTEROP_FOLDER, init);
	return run_script(&program, "initrd.sh", arguments, SCRIPT_MS);
}

/* setsid: the kernel is many processes, they are to be a group that can be killed. */
static void uml_words(struct words *words, const struct guest_kind *kind,
		      const struct guest_device *device, const char *initrd)
{
	add(words, "setsid");
	if (*kind->kernel)
		add(words, peer_runner(kind->kernel));
	add(words, "/usr/bin/linux.uml");
	add(words, "mem=192M");
	addf(words, "initrd=%s", initrd);
	add(words, "con0=null,fd:1");
	add(words, "con1=null");
	add(words, "con=null");
	add(words, "quiet");
	add(words, "panic=-1");
	addf(words, "virtio_uml.device=%s:%u", device->socket, device->type);
}

static void qemu_machine(struct words *words, const struct guest_device *device)
{
	unsigned int cpus = device->cpus ? device->cpus : 1;

	add(words, "-M");
	add(words, "q35,memory-backend=memory");
	add(words, "-accel");
	add(words, "tcg,thread=multi");
	add(words, "-smp");
	addf(words, "%u", cpus);
	add(words, "-m");
	add(words, "256");
	add(words, "-object");
	add(words, "memory-backend-memfd,id=memory,size=256M,share=on");
	add(words, "-nodefaults");
	add(words, "-display");
	add(words, "none");
	add(words, "-no-reboot");
	add(words, "-serial");
	add(words, "stdio");
}

static void qemu_device(struct words *words, const struct guest_device *device)
{
	if (device->type == GUEST_NET) {
		add(words, "-netdev");
		addf(words, "vhost-user,id=net,chardev=backend,queues=%u", device->queues);
	}
	add(words, "-device");
	if (device->type == GUEST_NET)
		addf(words, "virtio-net-pci,netdev=net,disable-legacy=on,romfile=%s%s",
		     device->queues > 1 ? ",mq=on" : "", device->options);
	else
		addf(words, "vhost-user-blk-pci,chardev=backend,disable-legacy=on,num-queues=%u%s",
		     device->queues, device->options);
}

static void qemu_words(struct words *words, const struct guest_kind *kind,
		       const struct guest_device *device, const char *initrd)
{
	const char *kernel = strcmp(kind->kernel, "linux-6.1") ? "/usr/lib/modules/*/vmlinuz" :
								 "/boot/vmlinuz-*";

	add(words, "setsid");
	if (*kind->emulator)
		add(words, peer_runner(kind->emulator));
	add(words, "/usr/bin/qemu-system-x86_64");
	qemu_machine(words, device);
	add(words, "-chardev");
	addf(words, "socket,id=backend,path=%s%s%s", device->socket, device->chardev ? "," : "",
	     device->chardev ? device->chardev : "");
	qemu_device(words, device);
	add(words, "-kernel");
	add(words, peer_file(kind->kernel, kernel));
	add(words, "-initrd");
	add(words, initrd);
	add(words, "-append");
	add(words, COMMAND_LINE);
	if (device->monitor) {
		add(words, "-monitor");
		addf(words, "unix:%s,server=on,wait=off", device->monitor);
	}
	if (device->incoming) {
		add(words, "-incoming");
		add(words, device->incoming);
	}
}

void guest_start(struct program *guest, const struct guest_kind *kind,
		 const struct guest_device *device, const char *initrd)
{
	struct words words = { .count = 0 };

	if (kind->emulator)
		qemu_words(&words, kind, device, initrd);
	else
		uml_words(&words, kind, device, initrd);
	program_start(guest, words.argv);
}

void guest_stop(struct program *guest)
{
	kill(-guest->pid, SIGKILL);
	program_stop(guest, NULL);
}

void word_after(const struct program *program, const char *label, char *word, size_t room)
{
	const char *at = strstr(program->text, label);
	size_t length = 0;

	if (at) {
		at += strlen(label);
		length = strcspn(at, " \r\n");
		length = length < room ? length : room - 1;
		memcpy(word, at, length);
	}
	word[length] = '\0';
}
