// SPDX-License-Identifier: BSD-3-Clause
/* virtring probe: what a vhost-user back end offers. */
#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <virtring/features.h>
#include <virtring/vhost_user.h>

#include "tool.h"

struct probe_options {
	const char *path;
	uint32_t device;
	int timeout_ms;
};

static error_t take(int key, char *text, struct argp_state *state)
{
	struct probe_options *options = state->input;
	char *end;
	double seconds;

	switch (key) {
	case 'd':
		if (strcmp(text, "net") == 0)
			options->device = VR_DEVICE_NET;
		else if (strcmp(text, "blk") == 0)
			options->device = VR_DEVICE_BLK;
		else
			argp_error(state, "--device takes net or blk, not '%s'", text);
		return 0;
	case 't':
		seconds = strtod(text, &end);
		if (end == text || *end || !(seconds > 0 && seconds <= 3600))
			argp_error(state, "--timeout takes seconds up to 3600, not '%s'", text);
		options->timeout_ms = (int)(seconds * 1000) + 1;
		return 0;
	case 's':
	case ARGP_KEY_ARG:
		if (options->path)
			argp_error(state, "one socket is enough");
		options->path = text;
		return 0;
	case ARGP_KEY_END:
		if (!options->path)
			argp_error(state, "which socket?");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static int cannot(const char *path, const char *text)
{
	fprintf(stderr, "virtring probe: %s: %s\n", path, text);
	return TOOL_CANNOT;
}

static void print_bits(const char *title, uint64_t bits, uint32_t device,
		       const char *(*name_of)(uint32_t device, uint32_t bit))
{
	printf("%s: 0x%" PRIx64 "\n", title, bits);
	for (uint32_t bit = 0; bit < 64; bit++) {
		const char *name = name_of(device, bit);

		if (bits >> bit & 1)
			printf("  %2u %s\n", bit, name ? name : "(no name known)");
	}
}

static const char *protocol_name(uint32_t device, uint32_t bit)
{
	(void)device;
	return vr_vu_protocol_feature_name(bit);
}

static void print_offer(const struct vr_vu_offer *offer, uint32_t device)
{
	print_bits("features", offer->features, device, vr_feature_name);
	if (offer->features & VR_VU_F_PROTOCOL_FEATURES)
		print_bits("protocol features", offer->protocol_features, 0, protocol_name);
	else
		puts("protocol features: none");
	printf("queues: %" PRIu64 "%s\n", offer->queue_num,
	       offer->protocol_features & VR_VU_PF_MQ ? "" : " (it does not say)");
	printf("memory slots: %" PRIu64 "%s\n", offer->mem_slots,
	       offer->protocol_features & VR_VU_PF_CONFIGURE_MEM_SLOTS ? "" : " (it does not say)");
}

static int probe(const struct probe_options *options)
{
	struct vr_vu_frontend_config config = {
		.struct_size = sizeof(config),
		.path = options->path,
	};
	struct vr_vu_frontend *frontend;
	struct vr_vu_offer offer;
	int status = 0;
	int error = vr_vu_frontend_create(&config, &frontend);

	if (error)
		return cannot(options->path, strerror(-error));
	error = vr_vu_frontend_connect(frontend, 0);
	if (error) {
		status = cannot(options->path,
				error == -ECONNREFUSED ? "nobody listens" : strerror(-error));
	} else {
		error = vr_vu_frontend_negotiate(frontend, 0, 0, &offer, options->timeout_ms);
		if (error) {
			const char *text = vr_vu_frontend_error(frontend);

			status = cannot(options->path, *text ? text : strerror(-error));
		} else {
			print_offer(&offer, options->device);
		}
	}
	vr_vu_frontend_destroy(frontend);
	return status;
}

int probe_main(int argc, char **argv)
{
	static const struct argp_option arguments[] = {
		{ "socket", 's', "PATH", 0, "the same as the argument", 0 },
		{ "device", 'd', "net|blk", 0, "whose feature names to use (net)", 0 },
		{ "timeout", 't', "S", 0, "how long to wait for each answer (2)", 0 },
		{ 0 },
	};
	static const struct argp parser = {
		arguments,
		take,
		"SOCKET",
		"Prints what the vhost-user back end that listens on SOCKET offers: feature bits, "
		"protocol features, queues, memory slots.",
		NULL,
		NULL,
		NULL,
	};
	struct probe_options options = { .device = VR_DEVICE_NET, .timeout_ms = 2000 };

	argp_parse(&parser, argc, argv, 0, NULL, &options);
	return probe(&options);
}
