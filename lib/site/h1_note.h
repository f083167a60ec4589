/* SPDX-License-Identifier: Apache-2.0
 *
 * site/h1_note - what an exchange with an origin keeps for its client over HTTP/1.1: h1_proxy.c
 * makes it when the request goes, h1_pass.c needs it when the answer comes.
 *
 * Owner: the worker. Thread: its worker. Memory: MR_PROXY_NOTE_BYTES of each exchange of lib/proxy.
 */
#ifndef MR_SITE_H1_NOTE_H
#define MR_SITE_H1_NOTE_H

#include <string.h>

#include "h1_int.h"

/* What an exchange keeps for us. text: lines that edits add, names that they remove, then texts for
 * the access log, cut to what there is room for; the id is one of them, and there without a log. */
struct note {
	uint64_t began_ns, sent_bytes;
	uint32_t held; /* the request's exchange while its content comes, as in the word; 0: none */
	uint32_t head_bytes;   /* of sent_bytes: the answer's head, and interim ones */
	uint32_t site_hash;    /* of its name: a reload may put another one in its place */
	struct mr_addr client; /* when its connection is gone, nobody else knows */
	uint16_t client_port;
	uint16_t site; /* index in its set */
	uint16_t page; /* of the site's counters */
	uint16_t status;
	uint16_t extra_bytes, removed_bytes;
	uint16_t log_bytes[MR_SITE_ACCESS_TEXT_COUNT];
	uint8_t minor;       /* of the client's version */
	uint8_t framing;     /* of the answer to it */
	bool head : 1;       /* HEAD: no content of ours either */
	bool close : 1;      /* the connection ends with the answer */
	bool answered : 1;   /* the head of the answer has gone */
	bool fin : 1;        /* the client has closed its side */
	bool origin_fin : 1; /* in a tunnel: the origin has */
	bool logged : 1;     /* the access log wants a line of it */
	uint8_t text[];
};
static_assert(sizeof(struct note) + 64 + H1_PROXY_EDIT_BYTES <= MR_PROXY_NOTE_BYTES,
	      "all that must be noted has room");

/* How the texts follow one another: the id always has room, and what is cut is a long target. */
static const uint8_t note_order[MR_SITE_ACCESS_TEXT_COUNT] = {
	MR_SITE_ACCESS_ID,    MR_SITE_ACCESS_METHOD, MR_SITE_ACCESS_SITE,   MR_SITE_ACCESS_HOST,
	MR_SITE_ACCESS_AGENT, MR_SITE_ACCESS_TARGET, MR_SITE_ACCESS_REFERER
};

/* note_site_hash tells sites apart by their names. */
static inline uint32_t
note_site_hash(const struct site *site)
{
	return (uint32_t)site_hash(0, site->name.bytes, site->name.byte_count);
}

/* note_id is the value of X-Request-ID: the first text, of log_bytes[MR_SITE_ACCESS_ID]. */
static inline const uint8_t *
note_id(const struct note *note)
{
	return note->text + note->extra_bytes + note->removed_bytes;
}

static inline uint32_t
note_handle(const struct run *run)
{
	return (uint32_t)(run->word & WORD_HANDLE);
}

static inline struct note *
note_at(const struct run *run)
{
	return mr_proxy_note(run->self->proxy, note_handle(run));
}

/* note_held is the exchange of ours that has the decoder of the content. */
static inline struct h1_exchange *
note_held(const struct run *run, const struct note *note)
{
	return mr_pool_at(note->held & WORD_LARGE ? &run->self->larges : &run->self->exchanges,
			  note->held & (uint32_t)WORD_HANDLE);
}

static inline void
note_release(const struct run *run, struct note *note)
{
	if (note->held)
		mr_pool_put(note->held & WORD_LARGE ? &run->self->larges : &run->self->exchanges,
			    note->held & (uint32_t)WORD_HANDLE);
	note->held = 0;
}

/* note_forget: the exchange is, or will be, gone. */
static inline void
note_forget(struct run *run)
{
	note_release(run, note_at(run));
	run->word &= ~(WORD_EXCHANGE | WORD_PROXY);
}

/* note_log counts and logs an answer, as far as it has come: status and octets are the note's. */
void note_log(struct run *run, const struct note *note);

#endif
