/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz/structured_fields - any bytes as a list, dictionary or item: what is written of it is
 * canonical, reads as the same nodes and is written the same again.
 */
#include "http/http.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

enum { FUZZ_NODES = 300, FUZZ_BYTES = 1 << 16 };

struct fuzz_field {
	struct mr_http_sf sf;
	struct mr_http_sf_node nodes[FUZZ_NODES];
	uint8_t text[FUZZ_BYTES];
};

static struct fuzz_field first, second;
static uint8_t out[2][4 * FUZZ_BYTES];

static bool
fuzz_read(struct fuzz_field *field, enum mr_http_sf_kind kind, const struct mr_http_sf_line *lines,
	  unsigned count)
{
	field->sf = (struct mr_http_sf){ .nodes = field->nodes,
					 .node_room = FUZZ_NODES,
					 .text = field->text,
					 .text_room = FUZZ_BYTES };
	return mr_http_sf_parse(&field->sf, kind, lines, count);
}

/* Chains hold the same nodes, whatever their places in the array. */
static void
fuzz_same(uint16_t a, uint16_t b, unsigned depth)
{
	MR_ASSERT(depth < 4);
	while (a && b) {
		const struct mr_http_sf_node *x = &first.nodes[a - 1], *y = &second.nodes[b - 1];

		MR_ASSERT(x->type == y->type && x->key_bytes == y->key_bytes);
		MR_ASSERT(x->key_bytes == 0 || memcmp(x->key, y->key, x->key_bytes) == 0);
		switch ((enum mr_http_sf_type)x->type) {
		case MR_HTTP_SF_INTEGER:
		case MR_HTTP_SF_DECIMAL:
		case MR_HTTP_SF_BOOLEAN:
		case MR_HTTP_SF_DATE:
			MR_ASSERT(x->number == y->number);
			break;
		case MR_HTTP_SF_STRING:
		case MR_HTTP_SF_TOKEN:
		case MR_HTTP_SF_BYTES:
		case MR_HTTP_SF_DISPLAY:
			MR_ASSERT(x->text_bytes == y->text_bytes &&
				  memcmp(x->text, y->text, x->text_bytes) == 0);
			break;
		case MR_HTTP_SF_INNER:
			break;
		}
		fuzz_same(x->inner, y->inner, depth + 1);
		fuzz_same(x->params, y->params, depth + 1);
		a = x->next;
		b = y->next;
	}
	MR_ASSERT(a == 0 && b == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	struct mr_writer writer = mr_writer_over(out[0], sizeof(out[0]));
	struct mr_http_sf_line lines[2];
	enum mr_http_sf_kind kind;
	const uint8_t *cut;

	if (bytes < 1 || bytes > FUZZ_BYTES)
		return 0;
	kind = (enum mr_http_sf_kind)(data[0] % 3);
	cut = memchr(data, '\n', bytes);
	lines[0] = (struct mr_http_sf_line){ data + 1, bytes - 1 };
	if (cut && cut > data) {
		lines[0].bytes = (size_t)(cut - data - 1);
		lines[1] = (struct mr_http_sf_line){ cut + 1, (size_t)(data + bytes - cut - 1) };
	}
	if (!fuzz_read(&first, kind, lines, cut && cut > data ? 2 : 1))
		return 0;
	mr_http_sf_write(&writer, &first.sf);
	MR_ASSERT(!writer.failed);
	lines[0] = (struct mr_http_sf_line){ out[0], (size_t)(writer.at - out[0]) };
	MR_ASSERT(fuzz_read(&second, kind, lines, 1));
	fuzz_same(first.sf.first, second.sf.first, 0);
	writer = mr_writer_over(out[1], sizeof(out[1]));
	mr_http_sf_write(&writer, &second.sf);
	MR_ASSERT(!writer.failed && (size_t)(writer.at - out[1]) == lines[0].bytes);
	MR_ASSERT(memcmp(out[0], out[1], lines[0].bytes) == 0);
	return 0;
}
