/* SPDX-License-Identifier: Apache-2.0
 *
 * millgen/plot - SVG by gnuplot: the latency distribution of a run, or a load curve.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "report.h"

static FILE *
plot_open(const char *path, struct mr_error *error)
{
	FILE *pipe;

	if (strpbrk(path, "'\n\\")) {
		mr_error_set(error, -EINVAL, "--plot: '%s' holds a quote, newline or backslash",
			     path);
		return NULL;
	}
	pipe = popen("gnuplot", "we");
	if (!pipe) {
		mr_error_set(error, -errno, "--plot: cannot start gnuplot: %s", strerror(errno));
		return NULL;
	}
	fprintf(pipe,
		"set terminal svg size 860,480 dynamic background rgb 'white' font 'sans,13'\n"
		"set output '%s'\nset grid lc rgb '#dddddd'\nset border lc rgb '#666666'\n"
		"set key left top\n",
		path);
	return pipe;
}

static int
plot_close(FILE *pipe, struct mr_error *error)
{
	if (pclose(pipe) == 0)
		return 0;
	return mr_error_set(error, -EIO, "--plot: gnuplot failed (Debian package gnuplot-nox)");
}

int
gen_plot_latency(const char *path, const struct gen_outcome *outcome,
		 const struct mr_histogram *latency, struct mr_error *error)
{
	uint64_t total = mr_histogram_count(latency), seen = 0;
	FILE *pipe;

	if (!total)
		return mr_error_set(error, -ENODATA, "--plot: no reply, no latency");
	pipe = plot_open(path, error);
	if (!pipe)
		return error->code;
	/* The share of slower replies on a log scale gives the tail as much room as the middle. */
	fprintf(pipe,
		"set title 'Latency from the intended send time, %.0f queries/s answered'\n"
		"set logscale xy\nset xlabel 'percentile'\nset ylabel 'latency (us)'\n"
		"set xrange [1:1e6]\nset xtics ('0' 1, '50' 2, '90' 10, '99' 100, '99.9' 1e3, "
		"'99.99' 1e4, '99.999' 1e5, '99.9999' 1e6)\n"
		"plot '-' using 1:2 with lines lw 2 lc rgb '#1f6feb' notitle\n",
		outcome->answered_qps);
	for (unsigned b = 0; b < MR_HISTOGRAM_BUCKETS; b++) {
		uint64_t count = latency->counts[b];

		if (!count)
			continue;
		fprintf(pipe, "%.9g %.4f\n", (double)total / (double)(total - seen),
			(double)MR_MIN(mr_histogram_upper(b), latency->max) / 1e3);
		seen += count;
	}
	fprintf(pipe, "e\n");
	return plot_close(pipe, error);
}

int
gen_plot_curve(const char *path, const struct gen_outcome *points, size_t count,
	       struct mr_error *error)
{
	static const struct {
		const char *title, *color;
		unsigned quantile;
	} lines[] = { { "p50", "#1f6feb", 0 }, { "p99", "#d29922", 2 }, { "p99.9", "#cf222e", 3 } };
	FILE *pipe = plot_open(path, error);
	double loss_high = 0.01;

	if (!pipe)
		return error->code;
	for (size_t p = 0; p < count; p++)
		loss_high = MR_MAX(loss_high, points[p].loss);
	fprintf(pipe,
		"set title 'Load curve'\nset xlabel 'queries/s sent (M)'\n"
		"set ylabel 'latency (us)'\nset logscale y\nset y2label 'loss (%%)'\n"
		"set y2tics\nset ytics nomirror\nset y2range [0:%.3f]\nplot ",
		loss_high * 100);
	for (size_t i = 0; i < MR_ARRAY_COUNT(lines); i++)
		fprintf(pipe,
			"'-' using 1:2 with linespoints lw 2 pt 7 ps 0.5 lc rgb '%s' title '%s', ",
			lines[i].color, lines[i].title);
	fprintf(pipe, "'-' using 1:2 axes x1y2 with impulses lw 3 lc rgb '#8c959f' title 'loss'\n");
	for (size_t i = 0; i < MR_ARRAY_COUNT(lines); i++) {
		for (size_t p = 0; p < count; p++)
			fprintf(pipe, "%.6f %.3f\n", points[p].sent_qps / 1e6,
				(double)MR_MAX(points[p].latency_ns[lines[i].quantile], 1) / 1e3);
		fprintf(pipe, "e\n");
	}
	for (size_t p = 0; p < count; p++)
		fprintf(pipe, "%.6f %.5f\n", points[p].sent_qps / 1e6, points[p].loss * 100);
	fprintf(pipe, "e\n");
	return plot_close(pipe, error);
}
