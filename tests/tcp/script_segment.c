/* SPDX-License-Identifier: Apache-2.0
 *
 * script_segment - the words of a line, and the segments that scripts put in and expect.
 */
#include <stdio.h>
#include <stdlib.h>

#include "script.h"

const char *
script_word(struct words *w)
{
	return w->next < w->count ? w->at[w->next++] : "";
}

bool
script_take(struct words *w, const char *what)
{
	if (w->next == w->count || strcmp(w->at[w->next], what) != 0)
		return false;
	w->next++;
	return true;
}

uint32_t
script_number(struct script *s, struct words *w)
{
	const char *text = script_word(w);
	char *end;
	unsigned long value = strtoul(text, &end, 0);

	if (*text == 0 || *end)
		script_fail(s, "'%s' is not a number", text);
	return (uint32_t)value;
}

/* ---- segments ---- */

static uint8_t
flags_of(struct script *s, const char *text)
{
	static const struct {
		char letter;
		uint8_t flag;
	} letters[] = { { 'S', MR_TCP_SYN }, { 'F', MR_TCP_FIN }, { 'R', MR_TCP_RST },
			{ 'P', MR_TCP_PSH }, { 'U', MR_TCP_URG }, { 'E', MR_TCP_ECE },
			{ 'C', MR_TCP_CWR }, { '.', MR_TCP_ACK }, { '-', 0 } };
	uint8_t flags = 0;

	for (; *text; text++) {
		size_t i = 0;

		while (i < MR_ARRAY_COUNT(letters) && letters[i].letter != *text)
			i++;
		if (i == MR_ARRAY_COUNT(letters)) {
			script_fail(s, "no such flag: %c", *text);
			return 0;
		}
		flags |= letters[i].flag;
	}
	return flags;
}

static bool
block_of(const char *text, uint32_t base, struct mr_tcp_block *out)
{
	char *end;

	out->left = base + (uint32_t)strtoul(text, &end, 0);
	if (end == text || *end != '-')
		return false;
	out->right = base + (uint32_t)strtoul(end + 1, &end, 0);
	return *end == 0;
}

static void
put_ts(struct script *s, struct words *w, struct mr_tcp_segment *seg)
{
	seg->has_ts = true;
	seg->tsval = s->peer_tsval = script_number(s, w);
	seg->tsecr = s->last_tsval;
	if (script_take(w, "old"))
		seg->tsecr = s->first_tsval;
}

static void
put_opt(struct script *s, struct words *w)
{
	const char *hex = script_word(w);
	unsigned byte;

	for (s->opt_count = 0; s->opt_count < SCRIPT_OPT_MAX && sscanf(hex, "%2x", &byte) == 1;
	     hex += 2)
		s->opt[s->opt_count++] = (uint8_t)byte;
	if (*hex)
		script_fail(s, "options that are too long, or no bytes: '%s'", hex);
}

void
script_do_input(struct script *s, struct words *w)
{
	struct mr_tcp_segment seg = { .wscale = MR_TCP_WSCALE_NONE, .wnd = 512 };
	uint16_t path = 0;
	uint8_t ecn = 0;

	seg.flags = flags_of(s, script_word(w));
	seg.seq = s->peer_iss;
	seg.ack = seg.flags & MR_TCP_ACK ? s->iss : 0;
	while (w->next < w->count && !s->failed) {
		if (script_take(w, "seq"))
			seg.seq = s->peer_iss + script_number(s, w);
		else if (script_take(w, "ack"))
			seg.ack = s->iss + script_number(s, w);
		else if (script_take(w, "win"))
			seg.wnd = (uint16_t)script_number(s, w);
		else if (script_take(w, "len"))
			seg.payload_bytes = (uint16_t)script_number(s, w);
		else if (script_take(w, "mss"))
			seg.mss = (uint16_t)script_number(s, w);
		else if (script_take(w, "ws"))
			seg.wscale = (uint8_t)script_number(s, w);
		else if (script_take(w, "sackok"))
			seg.sack_permitted = true;
		else if (script_take(w, "ts"))
			put_ts(s, w, &seg);
		else if (script_take(w, "ce"))
			ecn = MR_TCP_CE;
		else if (script_take(w, "path"))
			path = (uint16_t)script_number(s, w);
		else if (script_take(w, "opt"))
			put_opt(s, w);
		else if (script_take(w, "sack"))
			while (seg.sack_count < MR_TCP_SACK_MAX && w->next < w->count &&
			       block_of(w->at[w->next], s->iss, &seg.sacks[seg.sack_count])) {
				seg.sack_count++;
				w->next++;
			}
		else
			script_fail(s, "what is '%s' in a segment?", script_word(w));
	}
	if (s->ts && !seg.has_ts && !(seg.flags & MR_TCP_RST)) { /* an agreed option, filled in */
		seg.has_ts = true;
		seg.tsval = s->peer_tsval;
		seg.tsecr = s->last_tsval;
	}
	script_input(s, &seg, ecn, path);
}

void
script_expect(struct script *s, const char *what, uint32_t is, uint32_t wanted)
{
	if (is != wanted)
		script_fail(s, "%s is %u, not %u", what, is, wanted);
}

static void
expect_sacks(struct script *s, struct words *w, const struct mr_tcp_segment *seg)
{
	struct mr_tcp_block block;
	uint32_t i = 0;

	for (; w->next < w->count && block_of(w->at[w->next], s->peer_iss, &block); w->next++, i++)
		if (i >= seg->sack_count || seg->sacks[i].left != block.left ||
		    seg->sacks[i].right != block.right)
			script_fail(s, "SACK block %u of %u is %u-%u, not %s", i, seg->sack_count,
				    i < seg->sack_count ? seg->sacks[i].left - s->peer_iss : 0,
				    i < seg->sack_count ? seg->sacks[i].right - s->peer_iss : 0,
				    w->at[w->next]);
	script_expect(s, "the number of SACK blocks", seg->sack_count, i);
}

static void
expect_at(struct script *s, struct words *w, const struct script_out *o)
{
	double wanted_ms = strtod(script_word(w), NULL);
	double is_ms = (double)(o->at_ns - s->mark_ns) / 1e6;

	if (is_ms < wanted_ms - 0.01 || is_ms > wanted_ms + 2)
		script_fail(s, "left at %.3f ms, not %.3f", is_ms, wanted_ms);
}

static void
expect_fields(struct script *s, struct words *w, const struct script_out *o)
{
	const struct mr_tcp_segment *seg = &o->seg;

	while (w->next < w->count && !s->failed) {
		if (script_take(w, "seq"))
			script_expect(s, "seq", seg->seq - s->iss, script_number(s, w));
		else if (script_take(w, "ack"))
			script_expect(s, "ack", seg->ack - s->peer_iss, script_number(s, w));
		else if (script_take(w, "win"))
			script_expect(s, "win", seg->wnd, script_number(s, w));
		else if (script_take(w, "len"))
			script_expect(s, "len", seg->payload_bytes, script_number(s, w));
		else if (script_take(w, "mss"))
			script_expect(s, "mss", seg->mss, script_number(s, w));
		else if (script_take(w, "ws"))
			script_expect(s, "ws", seg->wscale, script_number(s, w));
		else if (script_take(w, "nows"))
			script_expect(s, "ws", seg->wscale, MR_TCP_WSCALE_NONE);
		else if (script_take(w, "sackok"))
			script_expect(s, "sackok", seg->sack_permitted, true);
		else if (script_take(w, "nosackok"))
			script_expect(s, "sackok", seg->sack_permitted, false);
		else if (script_take(w, "sack"))
			expect_sacks(s, w, seg);
		else if (script_take(w, "nosack"))
			script_expect(s, "the number of SACK blocks", seg->sack_count, 0);
		else if (script_take(w, "tsecr"))
			script_expect(s, "tsecr", seg->has_ts ? seg->tsecr : 0,
				      script_number(s, w));
		else if (script_take(w, "nots"))
			script_expect(s, "timestamps", seg->has_ts, false);
		else if (script_take(w, "ect"))
			script_expect(s, "the ECN field", o->ecn, MR_TCP_ECT_0);
		else if (script_take(w, "notect"))
			script_expect(s, "the ECN field", o->ecn, 0);
		else if (script_take(w, "path"))
			script_expect(s, "the path", o->path, script_number(s, w));
		else if (script_take(w, "at"))
			expect_at(s, w, o);
		else
			script_fail(s, "what is '%s' in a segment?", script_word(w));
	}
}

void
script_do_expect(struct script *s, struct words *w)
{
	const struct script_out *o = script_next_out(s);
	const char *text = script_word(w);
	uint8_t wanted = flags_of(s, text);
	uint8_t mask = (uint8_t) ~(strchr(text, 'P') ? 0 : MR_TCP_PSH);

	if (o == NULL) {
		script_fail(s, "nothing left, but %s is expected", text);
		return;
	}
	if ((o->seg.flags & mask) != (wanted & mask))
		script_fail(s, "flags are %02x, not %s; seq %u ack %u len %u", o->seg.flags, text,
			    o->seg.seq - s->iss, o->seg.ack - s->peer_iss, o->seg.payload_bytes);
	if (!o->payload_right)
		script_fail(s, "the payload is wrong");
	expect_fields(s, w, o);
}

void
script_do_none(struct script *s)
{
	const struct script_out *o = script_next_out(s);

	if (o)
		script_fail(s, "flags %02x seq %u ack %u len %u left, but nothing is expected",
			    o->seg.flags, o->seg.seq - s->iss, o->seg.ack - s->peer_iss,
			    o->seg.payload_bytes);
}
