// SPDX-License-Identifier: BSD-3-Clause
/* A back end that went away: whoever listens there next goes on from the record of what is in flight. */
#include "comeback.h"

#include <errno.h>

#include "interrupt.h"

/* Between two attempts there is a look for signals. */
#define LOOK_MS 200

int comeback_give_record(struct vr_vu_frontend *frontend, const struct vr_vu_offer *offer,
			 struct vr_vu_inflight *record, int timeout_ms)
{
	/* The layout depends on the features. */
	int code = vr_vu_frontend_set_features(frontend, offer->accepted, timeout_ms);

	if (!code && record->fd < 0)
		code = vr_vu_frontend_get_inflight(frontend, record, timeout_ms);
	return code ? code : vr_vu_frontend_set_inflight(frontend, record, timeout_ms);
}

static int try_once(const struct comeback *c, int timeout_ms)
{
	struct vr_vu_offer offer;
	int code = vr_vu_frontend_connect(c->frontend, LOOK_MS);

	if (!code)
		code = vr_vu_frontend_negotiate(c->frontend, c->features, c->features, &offer,
						timeout_ms);
	if (!code && offer.accepted_protocol != c->offer->accepted_protocol)
		code = -EOPNOTSUPP;
	if (!code)
		code = c->start(c->context);
	if (code)
		vr_vu_frontend_disconnect(c->frontend);
	return code;
}

int comeback_await(const struct comeback *c, double seconds, int timeout_ms, char *error)
{
	double end = tool_now() + seconds;
	int code = -ECONNRESET;

	vr_vu_frontend_disconnect(c->frontend);
	/* It may be gone again in the middle of it. */
	while (code && code != -EOPNOTSUPP && tool_now() < end) {
		(void)interrupt_poll(NULL, 0, 0);
		if (interrupt_seen())
			break;
		code = try_once(c, timeout_ms);
	}
	if (!code)
		return 0;
	return tool_text(error, "%s: it closed the connection, and %s (%s)", c->path,
			 interrupt_seen()    ? "a signal came" :
			 code == -EOPNOTSUPP ? "has fewer features now" :
					       "did not come back",
			 vr_vu_frontend_error(c->frontend));
}
