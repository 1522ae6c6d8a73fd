"use strict";
// Three things: records behind a number, the filter, and scans in motion. Records are data: only ever set as text.
(() => {
  const read = (id) => JSON.parse(document.getElementById(id).textContent);
  const store = read("records-data");

  // --- records behind a number
  const dialog = document.getElementById("behind");
  const body = document.getElementById("behind-body");

  const make = (name, text, attributes = {}) => {
    const element = document.createElement(name);
    if (text !== undefined) element.textContent = text;
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    return element;
  };

  const whole = (number) => {
    const record = { ...store.records[number] };
    for (const [name, value] of Object.entries(record)) {
      if (value && typeof value === "object" && Object.keys(value).join() === "$") record[name] = store.parts[value.$];
    }
    return record;
  };

  const cell = (value) => (value !== null && typeof value === "object" ? JSON.stringify(value) : String(value));

  const metricsTable = (metrics) => {
    const box = make("div", undefined, { class: "scroll", tabindex: "0", role: "group", "aria-label": "Metrics" });
    const table = box.appendChild(make("table", undefined, { class: "plain" }));
    table.appendChild(make("caption", "Metrics, each with its protocol"));
    const head = table.appendChild(make("thead")).appendChild(make("tr"));
    for (const name of ["metric", "value", "protocol"]) head.appendChild(make("th", name, { scope: "col" }));
    const rows = table.appendChild(make("tbody"));
    for (const { name, value, $: number } of metrics) {
      const protocol = store.parts[number];
      const row = rows.appendChild(make("tr"));
      row.appendChild(make("th", name, { scope: "row" }));
      row.appendChild(make("td", cell(value)));
      row.appendChild(make("td", Object.entries(protocol).map(([k, v]) => `${k} ${cell(v)}`).join(", ")));
    }
    return box;
  };

  const shown = (number, open) => {
    const record = whole(number);
    const details = make("details");
    details.open = open;
    details.appendChild(make("summary", `${record.study}, ${record.arm}, ${record.setting}, ${record.scale}, seed ${record.seed}: ${record.status}`));
    const facts = details.appendChild(make("dl"));
    const device = record.environment.device ?? "unknown device";
    const origin = { file: record.path, device, commit: record.environment.commit ?? "unknown", error: record.error };
    for (const [name, value] of Object.entries(origin)) {
      if (!value) continue;
      facts.appendChild(make("dt", name));
      facts.appendChild(make("dd", cell(value)));
    }
    if (record.metrics.length) details.appendChild(metricsTable(record.metrics));
    const json = details.appendChild(make("details"));
    json.appendChild(make("summary", "The whole record: configuration, environment, cost"));
    const metrics = record.metrics.map(({ $: number, ...metric }) => ({ ...metric, ...store.parts[number] }));
    json.appendChild(make("pre", JSON.stringify({ ...record, metrics }, null, 1)));
    return details;
  };

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button.number");
    if (!button) return;
    const numbers = button.dataset.records.split(" ").map(Number);
    const count = numbers.length === 1 ? "1 record" : `${numbers.length} records`;
    document.getElementById("behind-title").textContent = `${button.dataset.what}: ${button.textContent} (${count})`;
    body.replaceChildren(...numbers.map((number) => shown(number, numbers.length === 1)));
    dialog.showModal();
    body.scrollTop = 0;
  });
  document.getElementById("close").addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });

  // --- the list of all records
  const stale = new Set(store.stale);
  const devices = new Map([...document.querySelectorAll("#device option")].map((o) => [o.textContent, o.value]));
  const list = document.querySelector("#all-records tbody");
  store.records.forEach((_, number) => {
    const record = whole(number);
    const device = String(record.environment.device ?? "unknown device");
    const row = list.appendChild(make("tr", undefined, {
      class: "filtered", "data-kind": "records", "data-scale": record.scale, "data-devices": devices.get(device) ?? "",
    }));
    const status = stale.has(number) ? "stale" : record.status;
    row.appendChild(make("td", record.study));
    row.appendChild(make("th", record.arm, { scope: "row" }));
    for (const text of [record.setting, record.scale, record.seed]) row.appendChild(make("td", text));
    row.appendChild(make("td", status, { class: status }));
    row.appendChild(make("td", device));
    const what = `${record.study}, ${record.arm}, seed ${record.seed}`;
    row.appendChild(make("td")).appendChild(make("button", record.identity, {
      type: "button", class: "number", "data-records": number, "data-what": what, "aria-haspopup": "dialog",
    }));
  });

  // --- filter by scale and device
  const form = document.querySelector("form.filter");
  const scale = document.getElementById("scale");
  const device = document.getElementById("device");
  const has = (words, word) => words === undefined || words.split(" ").includes(word);

  const filter = () => {
    const counts = {};
    for (const element of document.querySelectorAll(".filtered")) {
      const { kind, scale: scales, devices } = element.dataset;
      const fits = (!scale.value || has(scales, scale.value)) && (!device.value || has(devices, device.value));
      element.hidden = !fits;
      counts[kind] ??= [0, 0];
      counts[kind][0] += fits;
      counts[kind][1] += 1;
    }
    for (const td of document.querySelectorAll("td[data-devices]")) {
      td.classList.toggle("off", Boolean(device.value) && !has(td.dataset.devices, device.value));
    }
    for (const article of document.querySelectorAll("article")) {
      const parts = [...article.querySelectorAll(".filtered")];
      if (parts.length) article.hidden = parts.every((part) => part.hidden);
    }
    const words = Object.entries(counts).map(([kind, [some, all]]) => `${some} of ${all} ${kind}`);
    document.getElementById("shown").textContent = `Showing ${words.join(", ")}`;
  };
  form.hidden = false;
  form.addEventListener("change", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  filter();

  // --- scans in motion
  const walks = read("walks-data");
  const step = document.getElementById("step");
  const layer = document.getElementById("layer");
  const play = document.getElementById("play");
  const last = Number(step.max);
  const STEPS_A_SECOND = 8;
  let started = null;
  let from = 0;

  const draw = () => {
    const until = Number(step.value);
    for (const svg of document.querySelectorAll("svg.walk")) {
      const { orders, side } = walks[svg.dataset.walk];
      const order = orders[layer.value % orders.length];
      const at = (i) => [(order[i] % side) + 0.5, Math.floor(order[i] / side) + 0.5];
      let steps = "";
      let jumps = "";
      for (let i = 1; i <= until; i += 1) {
        const [x, y] = at(i - 1);
        const [toX, toY] = at(i);
        const line = `M${x} ${y}L${toX} ${toY}`;
        if (Math.abs(x - toX) + Math.abs(y - toY) <= 1) steps += line;
        else jumps += line;
      }
      svg.querySelector(".steps").setAttribute("d", steps);
      svg.querySelector(".jumps").setAttribute("d", jumps);
      const [x, y] = at(until);
      svg.querySelector("circle").setAttribute("cx", x);
      svg.querySelector("circle").setAttribute("cy", y);
    }
  };
  const stop = () => {
    started = null;
    play.textContent = "Play";
  };
  const tick = (now) => {
    if (started === null) return;
    step.value = Math.min(last, from + Math.floor(((now - started) / 1000) * STEPS_A_SECOND));
    draw();
    if (Number(step.value) >= last) stop();
    else requestAnimationFrame(tick);
  };
  const start = () => {
    from = Number(step.value) >= last ? 0 : Number(step.value);
    started = performance.now();
    play.textContent = "Pause";
    requestAnimationFrame(tick);
  };
  play.addEventListener("click", () => (started === null ? start() : stop()));
  step.addEventListener("input", () => {
    stop();
    draw();
  });
  layer.addEventListener("change", draw);
  document.querySelector(".controls").hidden = false;
  // It begins by itself once, where motion is welcome, when it comes into view; it ends after one walk.
  if (matchMedia("(prefers-reduced-motion: no-preference)").matches) {
    const seen = new IntersectionObserver((entries) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      seen.disconnect();
      start();
    });
    seen.observe(document.querySelector(".walks"));
  }
  addEventListener("beforeprint", () => {
    stop();
    step.value = last;
    draw();
  });
})();
