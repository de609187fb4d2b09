"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const [table, detail, form, shown] = ["matrix", "detail", "filters", "shown"].map((id) => document.getElementById(id));
  const fields = ["host", "service", "verdict"].map((id) => document.getElementById(id));
  const text = (index) => data.texts[index];
  const OK = 0; // the number of a verdict is its severity

  // Each field is a list with one entry for each flow.
  const names = Object.keys(data.flows);
  const flows = data.flows.row.map((_, index) => Object.fromEntries(names.map((name) => [name, data.flows[name][index]])));
  for (const flow of flows) Object.assign(flow, { source: data.rows[flow.row], destination: data.columns[flow.column] });
  // Results of one flow have the same key: they differ in their ports or addresses alone.
  const key = (flow) => (flow.row * data.columns.length + flow.column) * 2 * data.texts.length + 2 * flow.service + (text(flow.expected) === "denied" ? 1 : 0);
  const cells = new Map();
  for (const flow of flows) {
    const name = `c${flow.row}-${flow.column}`;
    if (!cells.has(name)) cells.set(name, { element: document.getElementById(name), flows: [], shown: [], look: "" });
    const cell = cells.get(name);
    cell.flows.push(flow);
    cell.shown = cell.flows;
  }

  // What was measured of the paths behind a cell: the worst of its addresses. A number from 0 (as usual) to 3 (look
  // at it first) is the heat of a value; what is usual is the median of all cells.
  const usual = (values) => [...values].sort((one, other) => one - other)[Math.floor(values.length / 2)];
  const steps = (value, ...bounds) => bounds.filter((bound) => value > bound).length;
  const MEASURES = {
    rtt: { worse: Math.max, heat: (value, median) => steps(value, Math.max(1.5 * median, 0.5), Math.max(3 * median, 1), Math.max(10 * median, 5)), shown: String,
      says: (value) => `${value} ms`, legend: "Median round trip of handshakes in milliseconds; coloured by its ratio to the usual one: above 1.5, 3 and 10 times." },
    loss: { worse: Math.max, heat: (value) => steps(value, 0, 1, 5), shown: (value) => `${value}`,
      says: (value) => `${value} % lost`, legend: "Connections whose first try was not answered, in per cent; coloured above 0, 1 and 5." },
    segment: { worse: Math.min, heat: (value, median) => value < 0 ? 3 : value < median ? 2 : 0, shown: (value) => value < 0 ? `${-value}!` : `${value}`,
      says: (value) => value < 0 ? `full-size segments vanish, ${-value} bytes pass` : `${value} bytes`, legend: "Largest TCP segment that passes in both directions, in bytes; with ! where larger ones vanish." },
    clock: { worse: (one, other) => Math.abs(one) > Math.abs(other) ? one : other, heat: (value) => steps(Math.abs(value), 0.1, 1, 60), shown: (value) => `${value}`,
      says: (value) => `${value} s`, legend: "The destination's clock minus the source's, in seconds; coloured above 0.1, 1 and 60." },
    idle: { worse: Math.min, heat: (value) => value < 0 ? 3 : 0, shown: (value) => value < 0 ? `${-value}!` : `${value}`,
      says: (value) => value < 0 ? `cut after ${-value} idle seconds` : `works after ${value} idle seconds`, legend: "The longest time in seconds after which idle connections still worked; with ! the shortest after which one was cut." },
    throughput: { worse: Math.min, heat: (value, median) => steps(median / value, 1.33, 2, 5), shown: String,
      says: (value) => `${value} MB/s`, legend: "What a transfer carries in its slower direction, in megabytes (10^6 bytes) a second; coloured where the usual is more than 1.33, 2 and 5 times as much." },
  };
  const measure = document.getElementById("measure");
  const legend = document.getElementById("legend");
  const measured = new Map(); // by the name of a cell, the values of the chosen measure

  function readMeasure() {
    measured.clear();
    const chosen = measure && MEASURES[measure.value];
    legend.hidden = !chosen;
    if (!chosen) return;
    legend.textContent = chosen.legend;
    data.paths[measure.value].forEach((value, index) => {
      if (value === null) return;
      const name = `c${data.paths.row[index]}-${data.paths.column[index]}`;
      measured.set(name, measured.has(name) ? chosen.worse(measured.get(name), value) : value);
    });
    const median = usual([...measured.values()].map(Math.abs));
    for (const [name, value] of measured) measured.set(name, { text: chosen.shown(value), kind: `heat${chosen.heat(value, median)}`, says: chosen.says(value) });
  }

  function filled(flow, index) {
    const replaced = [text(flow.address), data.addresses[flow.row], data.external[flow.row], flow.source, flow.destination];
    return text(index).replace(/[\uE000-\uE004]/g, (mark) => replaced[mark.charCodeAt(0) - 0xE000]);
  }

  function make(tag, attributes, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  }

  function badge(verdict) {
    const { word, sign, kind } = data.verdicts[verdict];
    return make("span", { class: `badge ${kind}` }, make("b", { "aria-hidden": "true" }, sign), ` ${word}`);
  }

  function numbers(flow) {
    const times = flow.times ? flow.times.map((value) => Number(value.toPrecision(3))).join(" / ") : "";
    const pairs = [["address", text(flow.address)], ["expected", text(flow.expected)], ["seen", text(flow.seen)], ["ms min / median / max", times],
      ["who answers", text(flow.identity)], ["cause", text(flow.cause)], ["evidence", filled(flow, flow.evidence)], ["next command", filled(flow, flow.command)]];
    return make("dl", {}, ...pairs.filter(([, value]) => value).map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, value))));
  }

  function entry(flow) {
    const what = make("span", { class: "what" }, `${text(flow.service)} ${text(flow.ports)}`);
    return make("li", {}, badge(flow.verdict), " ", what, make("p", {}, filled(flow, flow.sentence)), numbers(flow));
  }

  let chosen = null;
  let origin = null; // the link that led to a cell

  function wayBack() {
    if (!origin) return [];
    const back = make("button", { type: "button" }, "Back to the list");
    const link = origin;
    back.addEventListener("click", () => link.focus());
    return [back];
  }

  function show(name, focus) {
    const cell = cells.get(name);
    if (!cell || cell.element.hidden) return;
    if (chosen) {
      chosen.element.classList.remove("chosen");
      chosen.element.tabIndex = -1;
    }
    chosen = cell;
    cell.element.classList.add("chosen");
    cell.element.tabIndex = 0;
    const list = [...cell.shown].sort((one, other) => other.verdict - one.verdict);
    detail.replaceChildren(make("h2", {}, `${cell.flows[0].source} → ${cell.flows[0].destination}`), ...wayBack(), make("ul", {}, ...list.map(entry)));
    origin = null;
    detail.hidden = false;
    if (focus) {
      cell.element.focus({ preventScroll: true });
      cell.element.scrollIntoView({ block: "nearest", inline: "nearest" });
      uncover(cell.element);
    }
  }

  // The details of a cell may cover the end of a long matrix, but never the cell itself.
  function uncover(element) {
    const covered = element.getBoundingClientRect().bottom + 8 - detail.getBoundingClientRect().top;
    if (covered > 0) window.scrollBy(0, covered);
  }

  function matches(flow, [host, service, verdict]) {
    return (!host || flow.source.toLowerCase().includes(host) || flow.destination.toLowerCase().includes(host))
      && (!service || text(flow.service) === service)
      && (!verdict || (verdict === "not ok" ? flow.verdict !== OK : data.verdicts[flow.verdict].word === verdict));
  }

  function paintMeasure(cell, counted) {
    const found = measured.get(cell.element.id);
    const kind = !cell.shown.length ? "off" : found ? found.kind : "unknown";
    cell.look = "";
    cell.element.className = cell === chosen ? `${kind} chosen` : kind;
    cell.element.replaceChildren(...(counted && found && cell.shown.length ? [make("small", {}, found.text)] : []));
  }

  function paint(cell, counted) {
    if (measure && measure.value) {
      paintMeasure(cell, counted);
      return;
    }
    const worst = cell.shown.reduce((found, flow) => Math.max(found, flow.verdict), -1);
    const { sign, kind } = worst < 0 ? { sign: "", kind: "off" } : data.verdicts[worst];
    const share = `${cell.shown.filter((flow) => flow.verdict === OK).length}/${cell.shown.length}`;
    if (cell.look === kind + share) return;
    cell.look = kind + share;
    cell.element.className = cell === chosen ? `${kind} chosen` : kind;
    cell.element.replaceChildren(sign, ...(counted && worst >= 0 ? [make("small", {}, share)] : []));
  }

  function hide(rows, columns, filtered) {
    [...table.tBodies[0].rows].forEach((line, row) => {
      line.hidden = filtered && !rows.has(row);
      if (!line.hidden) [...line.cells].slice(1).forEach((cell, column) => { cell.hidden = filtered && !columns.has(column); });
    });
    [...table.tHead.rows[0].cells].slice(1).forEach((cell, column) => { cell.hidden = filtered && !columns.has(column); });
  }

  function list([host, service, verdict]) {
    for (const item of document.querySelectorAll("#groups li[data-verdict]")) {
      item.hidden = Boolean((host && !item.dataset.hosts.toLowerCase().includes(host)) || (service && item.dataset.service !== service)
        || (verdict && (verdict === "not ok" ? item.dataset.verdict === "ok" : item.dataset.verdict !== verdict)));
    }
  }

  function filter() {
    readMeasure();
    const wanted = fields.map((field) => field.value.trim());
    wanted[0] = wanted[0].toLowerCase();
    const [rows, columns] = [new Set(), new Set()];
    const kept = new Set();
    for (const cell of cells.values()) {
      cell.shown = cell.flows.filter((flow) => matches(flow, wanted));
      for (const flow of cell.shown) kept.add(key(flow));
      if (cell.shown.length) {
        rows.add(cell.flows[0].row);
        columns.add(cell.flows[0].column);
      }
      paint(cell, table.classList.contains("narrow"));
    }
    hide(rows, columns, wanted.some(Boolean));
    list(wanted);
    nameCells();
    tell(kept.size);
    detail.hidden = true;
  }

  const total = new Set(flows.map(key)).size;

  function tell(count) {
    shown.textContent = `${count} of ${total} flow${total === 1 ? "" : "s"}`;
  }

  // Cells without a flow are skipped, and so are those that the filters hide.
  function neighbour(name, down, right, far) {
    let [row, column] = name.slice(1).split("-").map(Number);
    let found = "";
    for (;;) {
      row += down;
      column += right;
      if (row < 0 || column < 0 || row >= data.rows.length || column >= data.columns.length) return found;
      const cell = cells.get(`c${row}-${column}`);
      if (cell && cell.shown.length) {
        found = `c${row}-${column}`;
        if (!far) return found;
      }
    }
  }

  const STEPS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1], Home: [0, -1, true], End: [0, 1, true], PageUp: [-1, 0, true], PageDown: [1, 0, true] };

  function label(element) {
    const cell = cells.get(element.id);
    if (!cell) return;
    const words = [...new Set(cell.shown.map((flow) => data.verdicts[flow.verdict].word))];
    if (measure && measure.value) words.push(measured.has(element.id) ? measured.get(element.id).says : "not measured");
    const said = `${cell.flows[0].source} to ${cell.flows[0].destination}: ${words.join(", ")}`;
    // What is seen stands first, so that who speaks to a browser can say it.
    element.setAttribute("aria-label", `${element.textContent} ${said}`.trim());
    element.title = said;
  }

  // Thousands of cells get their names a few at a time, so that the page answers meanwhile.
  let naming = 0;

  function nameCells(rest = [...cells.values()], turn = ++naming) {
    for (const cell of rest.splice(0, 2000)) label(cell.element);
    if (rest.length) setTimeout(() => { if (turn === naming) nameCells(rest, turn); });
  }

  table.addEventListener("keydown", (event) => {
    const step = STEPS[event.key];
    if (step) {
      const next = neighbour(event.target.id, ...step);
      if (next) show(next, true);
    } else if (event.key === "Enter" || event.key === " ") {
      show(event.target.id, false);
      detail.focus();
    } else {
      return;
    }
    event.preventDefault();
  });
  detail.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && chosen) chosen.element.focus();
  });
  table.addEventListener("click", (event) => show(event.target.closest("td")?.id, true));
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.('a[href^="#c"]');
    if (!link) return;
    origin = link;
    if (location.hash === link.hash) show(link.hash.slice(1), true); // the hash does not change
  });
  window.addEventListener("hashchange", () => show(location.hash.slice(1), true));
  form.addEventListener("input", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(filter));

  // Some browsers allow only the older way to pages that were opened as files.
  async function copy(ticket) {
    try {
      await navigator.clipboard.writeText(ticket);
    } catch {
      const field = make("textarea", { "aria-label": "Ticket" });
      field.value = ticket;
      document.body.append(field);
      field.select();
      document.execCommand("copy");
      field.remove();
    }
  }

  for (const button of document.querySelectorAll(".copy")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      await copy(button.parentElement.querySelector("pre").textContent);
      button.textContent = "Copied";
      button.focus();
      setTimeout(() => { button.textContent = "Copy as a ticket"; }, 3000);
    });
  }

  table.setAttribute("role", "grid");
  nameCells();
  form.hidden = false;
  tell(total);
  const first = cells.values().next().value;
  if (first) first.element.tabIndex = 0;
  if (location.hash) show(location.hash.slice(1), true);
})();
