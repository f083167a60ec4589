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

/* What an exchange keeps for us. text: the id, lines that edits add, names that they remove. */
struct note {
	uint64_t began_ns, sent_bytes;
	uint32_t page; /* of the site */
	uint16_t status;
	uint32_t held; /* the request's exchange while its content comes, as in the word; 0: none */
	uint16_t extra_bytes, removed_bytes;
	uint8_t id_bytes;
	uint8_t minor;   /* of the client's version */
	uint8_t framing; /* of the answer to it */
	bool head;       /* HEAD: no content of ours either */
	bool close;      /* the connection ends with the answer */
	bool answered;   /* the head of the answer has gone */
	bool fin;        /* the client has closed its side */
	bool origin_fin; /* in a tunnel: the origin has */
	uint8_t text[];
};
static_assert(sizeof(struct note) + 64 + H1_PROXY_EDIT_BYTES <= MR_PROXY_NOTE_BYTES,
	      "all that may be noted has room");

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

#endif
