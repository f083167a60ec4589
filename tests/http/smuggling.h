/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/http/smuggling - forms that parsers are known, or likely, to read differently.
 *
 * X(form, status, bytes): the status that the request is answered with; 200 means that it is
 * accepted, head and content, and that every octet belongs to it. Octets behind a refused form do
 * not matter.
 */
#ifndef MR_TESTS_HTTP_SMUGGLING_H
#define MR_TESTS_HTTP_SMUGGLING_H

#define GET     "GET / HTTP/1.1\r\n"
#define POST    "POST / HTTP/1.1\r\nHost: a\r\n"
#define CHUNKED "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
#define HOST    "Host: a\r\n"
#define END     "\r\n"
#define TAIL    "0\r\n\r\nGET /x HTTP/1.1\r\nHost: a\r\n\r\n"

/* clang-format off */
#define SMUGGLING_FORMS(X) \
	/* Content-Length and Transfer-Encoding together, in either order and dress */ \
	X("cl.te", 400, POST "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG") \
	X("te.cl", 400, POST "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n1\r\nG\r\n0\r\n\r\n") \
	X("te.cl zero", 400, POST "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n" TAIL) \
	X("te.cl get", 400, GET HOST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n" TAIL) \
	X("te.cl odd coding", 400, POST "Transfer-Encoding: xchunked\r\nContent-Length: 4\r\n\r\n" TAIL) \
	X("te.cl empty coding", 400, POST "Transfer-Encoding:\r\nContent-Length: 4\r\n\r\n" TAIL) \
	X("te.cl identity", 400, POST "Transfer-Encoding: identity\r\nContent-Length: 4\r\n\r\n1234") \
	X("te.cl in http/1.0", 400, "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n" TAIL) \
	X("te.cl hidden by connection", 400, POST "Connection: transfer-encoding\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n" TAIL) \
	X("cl hidden by connection", 400, POST "Connection: content-length\r\nContent-Length: 4\r\n\r\n1234") \
	X("host hidden by connection", 400, GET HOST "Connection: close, Host\r\n\r\n") \
	/* Content-Length more than once, or not a plain number */ \
	X("cl.cl differing", 400, POST "Content-Length: 3\r\nContent-Length: 4\r\n\r\n1234") \
	X("cl.cl equal", 400, POST "Content-Length: 4\r\nContent-Length: 4\r\n\r\n1234") \
	X("cl list differing", 400, POST "Content-Length: 4, 5\r\n\r\n1234") \
	X("cl list equal", 400, POST "Content-Length: 4, 4\r\n\r\n1234") \
	X("cl plus", 400, POST "Content-Length: +4\r\n\r\n1234") \
	X("cl minus", 400, POST "Content-Length: -4\r\n\r\n1234") \
	X("cl minus zero", 400, POST "Content-Length: -0\r\n\r\n") \
	X("cl hex", 400, POST "Content-Length: 0x4\r\n\r\n1234") \
	X("cl empty", 400, POST "Content-Length:\r\n\r\n") \
	X("cl blank", 400, POST "Content-Length:  \t \r\n\r\n") \
	X("cl point", 400, POST "Content-Length: 4.0\r\n\r\n1234") \
	X("cl exponent", 400, POST "Content-Length: 4e0\r\n\r\n1234") \
	X("cl inner blank", 400, POST "Content-Length: 1 2\r\n\r\n1234") \
	X("cl underscore", 400, POST "Content-Length: 1_0\r\n\r\n1234567890") \
	X("cl quoted", 400, POST "Content-Length: \"4\"\r\n\r\n1234") \
	X("cl parameter", 400, POST "Content-Length: 4;a=b\r\n\r\n1234") \
	X("cl nul", 400, POST "Content-Length: 4\0\r\n\r\n1234") \
	X("cl vertical tab", 400, POST "Content-Length: \0134\r\n\r\n1234") \
	X("cl form feed behind", 400, POST "Content-Length: 4\014\r\n\r\n1234") \
	X("cl no-break space", 400, POST "Content-Length: \2404\r\n\r\n1234") \
	X("cl arabic digit", 400, POST "Content-Length: \xd9\xa4\r\n\r\n1234") \
	X("cl over 64 bits", 413, POST "Content-Length: 18446744073709551620\r\n\r\n1234") \
	X("cl over 63 bits", 413, POST "Content-Length: 9223372036854775808\r\n\r\n1234") \
	X("cl wraps to 4", 413, POST "Content-Length: 340282366920938463463374607431768211460\r\n\r\n1234") \
	X("cl leading zeros", 200, POST "Content-Length: 0004\r\n\r\n1234") \
	X("cl underscore name", 400, POST "Content_Length: 4\r\n\r\n") \
	X("te underscore name", 400, POST "transfer_Encoding: chunked\r\n\r\n") \
	X("other underscore name", 200, GET HOST "user_agent: x\r\nmy_name: y\r\n\r\n") \
	X("cl folded", 400, POST "Content-Length:\r\n 4\r\n\r\n1234") \
	/* Transfer-Encoding that is not just chunked */ \
	X("te unknown", 501, POST "Transfer-Encoding: foo\r\n\r\n" TAIL) \
	X("te xchunked", 501, POST "Transfer-Encoding: xchunked\r\n\r\n" TAIL) \
	X("te chunkedx", 501, POST "Transfer-Encoding: chunkedx\r\n\r\n" TAIL) \
	X("te identity", 501, POST "Transfer-Encoding: identity\r\n\r\n" TAIL) \
	X("te identity, chunked", 501, POST "Transfer-Encoding: identity, chunked\r\n\r\n" TAIL) \
	X("te chunked, identity", 501, POST "Transfer-Encoding: chunked, identity\r\n\r\n" TAIL) \
	X("te gzip", 400, POST "Transfer-Encoding: gzip\r\n\r\n" TAIL) \
	X("te gzip, chunked", 501, POST "Transfer-Encoding: gzip, chunked\r\n\r\n" TAIL) \
	X("te chunked, gzip", 400, POST "Transfer-Encoding: chunked, gzip\r\n\r\n" TAIL) \
	X("te chunked twice", 400, POST "Transfer-Encoding: chunked, chunked\r\n\r\n" TAIL) \
	X("te chunked in two fields", 400, POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n" TAIL) \
	X("te chunked then unknown field", 501, POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n" TAIL) \
	X("te unknown then chunked field", 501, POST "Transfer-Encoding: x\r\nTransfer-Encoding: chunked\r\n\r\n" TAIL) \
	X("te empty", 400, POST "Transfer-Encoding:\r\n\r\n" TAIL) \
	X("te comma before", 400, POST "Transfer-Encoding: ,chunked\r\n\r\n" TAIL) \
	X("te comma behind", 400, POST "Transfer-Encoding: chunked,\r\n\r\n" TAIL) \
	X("te parameter", 400, POST "Transfer-Encoding: chunked;a=b\r\n\r\n" TAIL) \
	X("te quoted", 400, POST "Transfer-Encoding: \"chunked\"\r\n\r\n" TAIL) \
	X("te apostrophes", 501, POST "Transfer-Encoding: 'chunked'\r\n\r\n" TAIL) \
	X("te two words", 400, POST "Transfer-Encoding: x chunked\r\n\r\n" TAIL) \
	X("te vertical tab", 400, POST "Transfer-Encoding: \013chunked\r\n\r\n" TAIL) \
	X("te vertical tab behind", 400, POST "Transfer-Encoding: chunked\013\r\n\r\n" TAIL) \
	X("te form feed", 400, POST "Transfer-Encoding:\014chunked\r\n\r\n" TAIL) \
	X("te nul", 400, POST "Transfer-Encoding: chunked\0\r\n\r\n" TAIL) \
	X("te no-break space", 400, POST "Transfer-Encoding: \240chunked\r\n\r\n" TAIL) \
	X("te high octet behind", 400, POST "Transfer-Encoding: chunked\377\r\n\r\n" TAIL) \
	X("te delete", 400, POST "Transfer-Encoding: \177chunked\r\n\r\n" TAIL) \
	X("te backspace", 400, POST "Transfer-Encoding: \010chunked\r\n\r\n" TAIL) \
	X("te in http/1.0", 400, "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" TAIL) \
	X("te upper case", 200, POST "TRANSFER-ENCODING: CHUNKED\r\n\r\n0\r\n\r\n") \
	X("te tab before", 200, POST "Transfer-Encoding:\tchunked\r\n\r\n0\r\n\r\n") \
	X("te blanks behind", 200, POST "Transfer-Encoding: chunked \t \r\n\r\n0\r\n\r\n") \
	/* field names in disguise */ \
	X("blank before colon", 400, POST "Transfer-Encoding : chunked\r\n\r\n" TAIL) \
	X("tab before colon", 400, POST "Transfer-Encoding\t: chunked\r\n\r\n" TAIL) \
	X("blank before name", 400, POST " Transfer-Encoding: chunked\r\n\r\n" TAIL) \
	X("tab before name", 400, POST "\tContent-Length: 4\r\n\r\n1234") \
	X("blank in name", 400, POST "Transfer Encoding: chunked\r\n\r\n" TAIL) \
	X("nul before name", 400, POST "\0Transfer-Encoding: chunked\r\n\r\n" TAIL) \
	X("nul in name", 400, POST "Transfer-\0Encoding: chunked\r\n\r\n" TAIL) \
	X("high octet in name", 400, POST "Transfer-Encoding\240: chunked\r\n\r\n" TAIL) \
	X("long s in name", 400, POST "Tran\xc5\xbf" "fer-Encoding: chunked\r\n\r\n" TAIL) \
	X("vertical tab before colon", 400, POST "Transfer-Encoding\013: chunked\r\n\r\n" TAIL) \
	X("quoted name", 400, POST "\"Transfer-Encoding\": chunked\r\n\r\n" TAIL) \
	X("empty name", 400, POST ": chunked\r\n\r\n" TAIL) \
	X("no colon", 400, POST "Transfer-Encoding\r\n\r\n" TAIL) \
	X("no colon, equals sign", 400, POST "Transfer-Encoding= chunked\r\n\r\n" TAIL) \
	X("obs-fold", 400, POST "Transfer-Encoding:\r\n chunked\r\n\r\n" TAIL) \
	X("obs-fold, tab", 400, POST "X: a\r\n\tTransfer-Encoding: chunked\r\n\r\n" TAIL) \
	X("blank first line", 400, GET " Host: a\r\n\r\n") \
	X("blank line that is not empty", 400, GET HOST " \r\n\r\n") \
	/* line ends */ \
	X("lf only", 400, "POST / HTTP/1.1\nHost: a\nContent-Length: 4\n\n1234") \
	X("lf in request line", 400, "GET / HTTP/1.1\nHost: a\r\n\r\n") \
	X("lf behind a field", 400, POST "X: a\nTransfer-Encoding: chunked\r\n\r\n" TAIL) \
	X("cr behind a field", 400, POST "X: a\rTransfer-Encoding: chunked\r\n\r\n" TAIL) \
	X("cr in a value", 400, POST "X: a\rb\r\n\r\n") \
	X("cr cr lf", 400, POST "X: a\r\r\n\r\n") \
	X("lf ends the head", 400, POST "X: a\r\n\n") \
	X("cr ends the head", 400, POST "X: a\r\n\rGET /x HTTP/1.1\r\n\r\n") \
	X("lf cr", 400, POST "X: a\n\r\n\r") \
	X("lf before the request line", 400, "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n") \
	X("cr before the request line", 400, "\rGET / HTTP/1.1\r\nHost: a\r\n\r\n") \
	X("three empty lines before", 400, "\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n") \
	X("empty line before", 200, "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n") \
	X("next line octet", 200, POST "X: a\205Transfer-Encoding: chunked\r\n\r\n") \
	X("nul in value", 400, GET HOST "X: a\0b\r\n\r\n") \
	X("escape octet in value", 400, GET HOST "X: \033[2J\r\n\r\n") \
	/* request lines */ \
	X("two blanks before target", 400, "GET  / HTTP/1.1\r\nHost: a\r\n\r\n") \
	X("two blanks behind target", 400, "GET /  HTTP/1.1\r\nHost: a\r\n\r\n") \
	X("tab for a blank", 400, "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n") \
	X("blank behind version", 400, "GET / HTTP/1.1 \r\nHost: a\r\n\r\n") \
	X("blank before method", 400, " GET / HTTP/1.1\r\nHost: a\r\n\r\n") \
	X("blank in target", 400, "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n") \
	X("version twice", 400, "GET / HTTP/1.1 HTTP/1.1\r\nHost: a\r\n\r\n") \
	X("lower-case version", 400, "GET / http/1.1\r\nHost: a\r\n\r\n") \
	X("version of two digits", 400, "GET / HTTP/1.10\r\nHost: a\r\n\r\n") \
	X("version 01.1", 400, "GET / HTTP/01.1\r\nHost: a\r\n\r\n") \
	X("version comma", 400, "GET / HTTP/1,1\r\nHost: a\r\n\r\n") \
	X("version hex", 400, "GET / HTTP/1.x\r\nHost: a\r\n\r\n") \
	X("other protocol", 400, "GET / ICAP/1.0\r\nHost: a\r\n\r\n") \
	X("http/0.9", 400, "GET /\r\n\r\n") \
	X("http/0.9 named", 505, "GET / HTTP/0.9\r\nHost: a\r\n\r\n") \
	X("http/2.0", 505, "GET / HTTP/2.0\r\nHost: a\r\n\r\n") \
	X("http/2 preface", 505, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") \
	X("http/9.9", 505, "GET / HTTP/9.9\r\nHost: a\r\n\r\n") \
	X("http/1.2", 200, "GET / HTTP/1.2\r\nHost: a\r\n\r\n") \
	X("nul in method", 400, "G\0ET / HTTP/1.1\r\nHost: a\r\n\r\n") \
	X("method with colon", 400, "GET: / HTTP/1.1\r\nHost: a\r\n\r\n") \
	X("long method", 501, "AAAAAAAAAABBBBBBBBBBCCCCCCCCCCDDDDDDDDDD / HTTP/1.1\r\nHost: a\r\n\r\n") \
	X("nul in target", 400, "GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n") \
	X("high octet in target", 400, "GET /\xc3\xa4 HTTP/1.1\r\nHost: a\r\n\r\n") \
	X("fragment", 400, "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n") \
	X("backslash in path", 400, "GET /a\\..\\b HTTP/1.1\r\nHost: a\r\n\r\n") \
	X("escaped nul in path", 400, "GET /a%00b HTTP/1.1\r\nHost: a\r\n\r\n") \
	X("bad escape in path", 400, "GET /a%2 HTTP/1.1\r\nHost: a\r\n\r\n") \
	X("overlong escape letters", 400, "GET /a%u002e HTTP/1.1\r\nHost: a\r\n\r\n") \
	X("relative target", 400, "GET a/b HTTP/1.1\r\nHost: a\r\n\r\n") \
	X("asterisk with get", 400, "GET * HTTP/1.1\r\nHost: a\r\n\r\n") \
	X("authority with get", 400, "GET a:80 HTTP/1.1\r\nHost: a\r\n\r\n") \
	X("connect", 405, "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n") \
	X("trace", 405, "TRACE / HTTP/1.1\r\nHost: a\r\n\r\n") \
	/* who is meant */ \
	X("no host", 400, GET END) \
	X("empty host", 400, GET "Host:\r\n\r\n") \
	X("host twice", 400, GET "Host: a\r\nHost: b\r\n\r\n") \
	X("host twice, equal", 400, GET "Host: a\r\nHost: a\r\n\r\n") \
	X("host list", 400, GET "Host: a, b\r\n\r\n") \
	X("host with user", 400, GET "Host: a@b\r\n\r\n") \
	X("host with path", 400, GET "Host: a/b\r\n\r\n") \
	X("host with query", 400, GET "Host: a?b\r\n\r\n") \
	X("host with fragment", 400, GET "Host: a#b\r\n\r\n") \
	X("host with backslash", 400, GET "Host: a\\b\r\n\r\n") \
	X("host with blank", 400, GET "Host: a b\r\n\r\n") \
	X("host with escape", 400, GET "Host: a%2eb\r\n\r\n") \
	X("host, port letters", 400, GET "Host: a:80x\r\n\r\n") \
	X("host, port over 16 bits", 400, GET "Host: a:65536\r\n\r\n") \
	X("host, two ports", 400, GET "Host: a:80:80\r\n\r\n") \
	X("host is a port", 400, GET "Host: :80\r\n\r\n") \
	X("host, open bracket", 400, GET "Host: [::1\r\n\r\n") \
	X("host, text behind bracket", 400, GET "Host: [::1]a\r\n\r\n") \
	X("host, name in brackets", 400, GET "Host: [a.b]\r\n\r\n") \
	X("host, blank before colon", 400, GET "Host : a\r\n\r\n") \
	X("absolute with user", 400, "GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n") \
	X("absolute without host", 400, "GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n") \
	X("absolute, bad host field", 400, "GET http://a/ HTTP/1.1\r\nHost: b c\r\n\r\n") \
	X("absolute, no host field", 400, "GET http://a/ HTTP/1.1\r\n\r\n") \
	X("absolute, one slash", 400, "GET http:/a HTTP/1.1\r\nHost: a\r\n\r\n") \
	X("absolute, other scheme", 400, "GET gopher://a/ HTTP/1.1\r\nHost: a\r\n\r\n") \
	X("absolute overrides host", 200, "GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n") \
	/* expectations and options */ \
	X("expect unknown", 417, POST "Content-Length: 0\r\nExpect: 200-ok\r\n\r\n") \
	X("expect obfuscated", 417, POST "Content-Length: 0\r\nExpect: y 100-continue\r\n\r\n") \
	X("expect twice", 417, POST "Content-Length: 0\r\nExpect: 100-continue\r\nExpect: x\r\n\r\n") \
	X("connection is no token", 400, GET HOST "Connection: close;a\r\n\r\n") \
	X("content-type twice", 400, POST "Content-Type: a/b\r\nContent-Type: c/d\r\n\r\n") \
	X("authorization twice", 400, GET HOST "Authorization: a\r\nAuthorization: b\r\n\r\n") \
	X("range twice", 400, GET HOST "Range: bytes=0-1\r\nRange: bytes=2-3\r\n\r\n") \
	/* chunks */ \
	X("chunk size minus", 400, CHUNKED "-1\r\na\r\n" TAIL) \
	X("chunk size plus", 400, CHUNKED "+1\r\na\r\n" TAIL) \
	X("chunk size 0x", 400, CHUNKED "0x1\r\na\r\n" TAIL) \
	X("chunk size empty", 400, CHUNKED "\r\na\r\n" TAIL) \
	X("chunk size underscore", 400, CHUNKED "1_0\r\na\r\n" TAIL) \
	X("chunk size not hex", 400, CHUNKED "g\r\na\r\n" TAIL) \
	X("chunk size blank before", 400, CHUNKED " 1\r\na\r\n" TAIL) \
	X("chunk size blank behind", 400, CHUNKED "1 \r\na\r\n" TAIL) \
	X("chunk size tab behind", 400, CHUNKED "1\t\r\na\r\n" TAIL) \
	X("chunk size comma", 400, CHUNKED "1,1\r\na\r\n" TAIL) \
	X("chunk size nul", 400, CHUNKED "1\0\r\na\r\n" TAIL) \
	X("chunk size wraps", 400, CHUNKED "10000000000000001\r\na\r\n" TAIL) \
	X("chunk size 16 digits large", 400, CHUNKED "ffffffffffffffff\r\na\r\n" TAIL) \
	X("chunk size 17 zeros", 400, CHUNKED "00000000000000001\r\na\r\n" TAIL) \
	X("chunk size 16 digits small", 200, CHUNKED "0000000000000001\r\na\r\n0\r\n\r\n") \
	X("chunk size lf", 400, CHUNKED "1\na\r\n" TAIL) \
	X("chunk size cr", 400, CHUNKED "1\ra\r\n" TAIL) \
	X("chunk too short", 400, CHUNKED "3\r\nab\r\n" TAIL) \
	X("chunk too long", 400, CHUNKED "1\r\nab\r\n" TAIL) \
	X("chunk ends in lf", 400, CHUNKED "1\r\na\n" TAIL) \
	X("chunk ends in cr", 400, CHUNKED "1\r\na\r" TAIL) \
	X("chunk without end", 400, CHUNKED "1\r\na" TAIL) \
	X("extension with lf", 400, CHUNKED "1;\na\r\n" TAIL) \
	X("extension lf behind name", 400, CHUNKED "1;x\na\r\n" TAIL) \
	X("extension with cr", 400, CHUNKED "1;x\ry\r\na\r\n" TAIL) \
	X("extension quoted lf", 400, CHUNKED "1;x=\"\n\"\r\na\r\n" TAIL) \
	X("extension quoted cr lf", 400, CHUNKED "1;x=\"\r\n\"\r\na\r\n" TAIL) \
	X("extension without name", 400, CHUNKED "1;\r\na\r\n" TAIL) \
	X("extension without value", 400, CHUNKED "1;x=\r\na\r\n" TAIL) \
	X("extension blank at the end", 400, CHUNKED "1;x=y \r\na\r\n" TAIL) \
	X("extension two words", 400, CHUNKED "1;x y\r\na\r\n" TAIL) \
	X("extension nul", 400, CHUNKED "1;x=\0\r\na\r\n" TAIL) \
	X("extension, bad whitespace", 200, CHUNKED "1 ; x = \"y;\\\"z\" ;w\r\na\r\n0\r\n\r\n") \
	X("last chunk with lf", 400, CHUNKED "0\n\nGET /x HTTP/1.1\r\n\r\n") \
	X("last chunk then lf", 400, CHUNKED "0\r\n\nGET /x HTTP/1.1\r\n\r\n") \
	X("last chunk then cr", 400, CHUNKED "0\r\n\rGET /x HTTP/1.1\r\n\r\n") \
	X("last chunk with extension", 200, CHUNKED "0;last\r\n\r\n") \
	X("many zeros", 200, CHUNKED "0000\r\n\r\n") \
	X("trailer folded", 400, CHUNKED "0\r\nX: a\r\n b\r\n\r\n") \
	X("trailer blank before colon", 400, CHUNKED "0\r\nX : a\r\n\r\n") \
	X("trailer without colon", 400, CHUNKED "0\r\nX\r\n\r\n") \
	X("trailer lf", 400, CHUNKED "0\r\nX: a\n\r\n") \
	X("trailer nul", 400, CHUNKED "0\r\nX: \0\r\n\r\n") \
	X("trailer is a request", 400, CHUNKED "0\r\nGET /x HTTP/1.1\r\nHost: a\r\n\r\n") \
	X("trailer with a length", 200, CHUNKED "0\r\nContent-Length: 4\r\n\r\n")
/* clang-format on */

#endif
