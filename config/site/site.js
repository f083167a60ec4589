// What this visit cost, told by the browser itself.
const put = (id, text, kind) => {
	const at = document.getElementById(id);
	at.textContent = text;
	at.className = kind || "";
};

addEventListener("load", async () => {
	const files = performance.getEntriesByType("resource").filter(e => e.initiatorType !== "fetch");
	const page = performance.getEntriesByType("navigation")[0];
	const bytes = files.reduce((sum, e) => sum + e.encodedBodySize, page.encodedBodySize);

	put("files", `${files.length + 1}, ${bytes} bytes`);
	put("time", `${(page.responseEnd - page.requestStart).toFixed(1)} ms`);
	try {
		const answer = await fetch("/health", { cache: "no-store" });

		put("health", (await answer.text()).trim(), answer.ok ? "good" : "bad");
	} catch (error) {
		put("health", "no answer", "bad");
	}
});
