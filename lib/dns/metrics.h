/* SPDX-License-Identifier: Apache-2.0
 *
 * dns/metrics - the counters of lib/dns. Add rows, never rename.
 *
 * Owner:  struct mr_dns; one block for each worker. Thread: its worker writes, any reads (relaxed).
 * Memory: of the registry (metric/metric.h).
 */
#ifndef MR_DNS_METRICS_H
#define MR_DNS_METRICS_H

/* X(name, kind, unit, help) */
#define DNS_METRICS(X)                                                                          \
	X(query, COUNTER, QUERIES, "Messages received")                                         \
	/* how it came */                                                                       \
	X(transport_udp, COUNTER, QUERIES, "Received over UDP")                                 \
	X(transport_tcp, COUNTER, QUERIES, "Received over TCP")                                 \
	X(transport_tls, COUNTER, QUERIES, "Received over TLS")                                 \
	X(transport_https, COUNTER, QUERIES, "Received over HTTPS")                             \
	X(transport_quic, COUNTER, QUERIES, "Received over QUIC")                               \
	X(edns, COUNTER, QUERIES, "With EDNS")                                                  \
	X(edns_do, COUNTER, QUERIES, "With EDNS and the DO bit")                                \
	X(edns_ecs, COUNTER, QUERIES, "With EDNS client subnet")                                \
	X(edns_nsid, COUNTER, QUERIES, "With EDNS, asking who we are (NSID)")                   \
	X(edns_cookie, COUNTER, QUERIES, "With a DNS cookie")                                   \
	X(edns_cookie_valid, COUNTER, QUERIES, "With a server cookie of ours")                  \
	X(edns_keepalive, COUNTER, QUERIES, "With EDNS, asking how long idle (TCP keep-alive)") \
	X(edns_padding, COUNTER, QUERIES, "With EDNS padding")                                  \
	/* never answered */                                                                    \
	X(drop_short, COUNTER, QUERIES, "Dropped: shorter than a header")                       \
	X(drop_response, COUNTER, QUERIES, "Dropped: a response, not a query")                  \
	X(drop_multicast, COUNTER, QUERIES, "Dropped: sent to a group")                         \
	/* what was asked, of the queries that could be read */                                 \
	X(qtype_a, COUNTER, QUERIES, "Asked for A")                                             \
	X(qtype_ns, COUNTER, QUERIES, "Asked for NS")                                           \
	X(qtype_cname, COUNTER, QUERIES, "Asked for CNAME")                                     \
	X(qtype_soa, COUNTER, QUERIES, "Asked for SOA")                                         \
	X(qtype_ptr, COUNTER, QUERIES, "Asked for PTR")                                         \
	X(qtype_mx, COUNTER, QUERIES, "Asked for MX")                                           \
	X(qtype_txt, COUNTER, QUERIES, "Asked for TXT")                                         \
	X(qtype_aaaa, COUNTER, QUERIES, "Asked for AAAA")                                       \
	X(qtype_srv, COUNTER, QUERIES, "Asked for SRV")                                         \
	X(qtype_ds, COUNTER, QUERIES, "Asked for DS")                                           \
	X(qtype_dnskey, COUNTER, QUERIES, "Asked for DNSKEY")                                   \
	X(qtype_svcb, COUNTER, QUERIES, "Asked for SVCB or HTTPS")                              \
	X(qtype_caa, COUNTER, QUERIES, "Asked for CAA")                                         \
	X(qtype_any, COUNTER, QUERIES, "Asked for ANY")                                         \
	X(qtype_xfr, COUNTER, QUERIES, "Asked for a zone transfer")                             \
	X(qtype_meta, COUNTER, QUERIES, "Asked for another meta type")                          \
	X(qtype_other, COUNTER, QUERIES, "Asked for any other type")                            \
	/* what was found */                                                                    \
	X(found_rrset, COUNTER, QUERIES, "Answered with the RRset asked for")                   \
	X(found_any, COUNTER, QUERIES, "ANY answered with one RRset")                           \
	X(found_nodata, COUNTER, QUERIES, "The name has no such type")                          \
	X(found_missing, COUNTER, QUERIES, "The name does not exist")                           \
	X(found_referral, COUNTER, QUERIES, "Referred to a child zone")                         \
	X(found_wildcard, COUNTER, QUERIES, "Answered from a wildcard (steps, not queries)")    \
	X(found_cname, COUNTER, QUERIES, "CNAMEs followed")                                     \
	X(found_dname, COUNTER, QUERIES, "DNAMEs followed")                                     \
	X(found_outside, COUNTER, QUERIES, "Chains that left the zones served")                 \
	X(found_no_zone, COUNTER, QUERIES, "Names in no zone served")                           \
	X(chain_limit, COUNTER, QUERIES, "Chains cut at their limit")                           \
	X(chain_loop, COUNTER, QUERIES, "Chains that came back to a name")                      \
	X(denial, COUNTER, QUERIES, "NSEC and NSEC3 records given as proof")                    \
	X(truncated, COUNTER, QUERIES, "Answers sent with TC")                                  \
	X(glue_left_out, COUNTER, QUERIES, "Referrals without glue that they can do without")   \
	/* why it was refused or not understood */                                              \
	X(refused_class, COUNTER, QUERIES, "Refused: class is not IN")                          \
	X(notimp_opcode, COUNTER, QUERIES, "Not implemented: opcode")                           \
	X(notimp_notify, COUNTER, QUERIES, "Not implemented: NOTIFY")                           \
	X(notimp_update, COUNTER, QUERIES, "Not implemented: UPDATE")                           \
	X(formerr_qdcount, COUNTER, QUERIES, "Malformed: not one question")                     \
	X(formerr_question, COUNTER, QUERIES, "Malformed: the question")                        \
	X(formerr_sections, COUNTER, QUERIES, "Malformed: answer or authority records")         \
	X(formerr_additional, COUNTER, QUERIES, "Malformed: additional records")                \
	X(formerr_opt, COUNTER, QUERIES, "Malformed: EDNS")                                     \
	X(formerr_tsig, COUNTER, QUERIES, "Malformed: TSIG")                                    \
	X(formerr_trailing, COUNTER, QUERIES, "Malformed: bytes behind the last record")        \
	X(formerr_qtype, COUNTER, QUERIES, "Malformed: a type that cannot be asked for")        \
	/* how it was answered */                                                               \
	X(rcode_noerror, COUNTER, QUERIES, "Answered NOERROR")                                  \
	X(rcode_formerr, COUNTER, QUERIES, "Answered FORMERR")                                  \
	X(rcode_servfail, COUNTER, QUERIES, "Answered SERVFAIL")                                \
	X(rcode_nxdomain, COUNTER, QUERIES, "Answered NXDOMAIN")                                \
	X(rcode_notimp, COUNTER, QUERIES, "Answered NOTIMP")                                    \
	X(rcode_refused, COUNTER, QUERIES, "Answered REFUSED")                                  \
	X(rcode_yxdomain, COUNTER, QUERIES, "Answered YXDOMAIN")                                \
	X(rcode_notauth, COUNTER, QUERIES, "Answered NOTAUTH (unknown TSIG key)")               \
	X(rcode_badvers, COUNTER, QUERIES, "Answered BADVERS")                                  \
	X(rcode_badcookie, COUNTER, QUERIES, "Answered BADCOOKIE")                              \
	X(cookie_wanted, COUNTER, QUERIES, "Sent to TCP for want of a cookie")                  \
	X(found_chaos, COUNTER, QUERIES, "Answered in class CH")                                \
	/* zones given away */                                                                  \
	X(transfer_begin, COUNTER, QUERIES, "Transfers begun")                                  \
	X(transfer_done, COUNTER, QUERIES, "Transfers acknowledged to the last byte")           \
	X(transfer_fail, COUNTER, QUERIES, "Transfers whose connection ended before")           \
	X(transfer_current, COUNTER, QUERIES, "IXFR answered by one SOA: nothing is newer")     \
	X(transfer_notauth, COUNTER, QUERIES, "Transfers of what is no zone here: NOTAUTH")     \
	X(transfer_refused, COUNTER, QUERIES, "Transfers refused: not to this client")          \
	X(transfer_limit, COUNTER, QUERIES, "Transfers refused: enough are going on")           \
	X(transfer_message, COUNTER, QUERIES, "Messages of transfers")                          \
	X(transfer_bytes, COUNTER, BYTES, "Bytes of transfers")                                 \
	/* rate limits, over UDP */                                                             \
	X(rrl_slip, COUNTER, QUERIES, "Rate limited: sent empty, with TC")                      \
	X(rrl_drop, COUNTER, QUERIES, "Rate limited: not answered")                             \
	X(rrl_would, COUNTER, QUERIES, "Would have been rate limited (mode log)")               \
	X(rrl_cookie, COUNTER, QUERIES, "Not limited: a valid cookie")                          \
	X(rrl_allowed, COUNTER, QUERIES, "Not limited: on the allow list")                      \
	X(rrl_answer, COUNTER, QUERIES, "Beyond the limit: answers")                            \
	X(rrl_nxdomain, COUNTER, QUERIES, "Beyond the limit: names that do not exist")          \
	X(rrl_nodata, COUNTER, QUERIES, "Beyond the limit: names without the type")             \
	X(rrl_referral, COUNTER, QUERIES, "Beyond the limit: referrals")                        \
	X(rrl_error, COUNTER, QUERIES, "Beyond the limit: errors")                              \
	X(answer_bytes, COUNTER, BYTES, "Bytes of answers")                                     \
	X(stream_accept, COUNTER, CONNECTIONS, "TCP: connections accepted")                     \
	X(stream_close, COUNTER, CONNECTIONS, "TCP: connections ended, for whatever reason")    \
	X(stream_idle, COUNTER, CONNECTIONS, "TCP: closed, idle between messages")              \
	X(stream_message_late, COUNTER, CONNECTIONS, "TCP: closed, a message took too long")    \
	X(stream_length, COUNTER, CONNECTIONS, "TCP: closed, a length that no query has")       \
	X(stream_refused, COUNTER, CONNECTIONS, "TCP: closed, a message that is no query")      \
	X(stream_query_limit, COUNTER, CONNECTIONS, "TCP: closed, enough queries on it")        \
	X(stream_slow, COUNTER, CONNECTIONS, "TCP: reset, answers were not taken")              \
	X(stream_no_memory, COUNTER, CONNECTIONS, "TCP: reset, a pool was empty")

#endif
